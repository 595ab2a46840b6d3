// The pipelines as cards: what each is, how its last run went, which version is its champion.
import { can } from "../abilities.js";
import { get } from "../api.js";
import { h, outside } from "../dom.js";
import { ago, measure, words } from "../format.js";
import { badge, empty, notice, pageHead } from "../parts.js";

export const tab = "pipelines";
export const title = () => "Pipelines";
export const load = () => get("api/v1/pipelines");
const isGoing = (pipeline) => ["running", "queued"].includes(pipeline.last_run?.status);
export const pause = ({ pipelines }) => (pipelines.some(isGoing) ? 2500 : 6000);

export function draw({ pipelines, broken, notes }) {
  return [
    pageHead("Pipelines", "From a table to a served model, each declared in a few lines of YAML.",
      can("pipelines") ? h("a", { class: "button primary", id: "new-pipeline", href: "#/new-pipeline" }, "New pipeline") : null),
    notice("is-bad", broken.length > 1 ? "Specs that cannot be read" : "A spec that cannot be read", broken),
    notice("is-warn", "Not everything can be shown", notes),
    pipelines.length
      ? h("div", { class: "cards" }, pipelines.map(card))
      : empty("No pipelines yet", "Write one from a table; then run it.", "millrace init table.csv --target COLUMN"),
  ];
}

function card(pipeline) {
  const href = `#/runs?pipeline=${encodeURIComponent(pipeline.name)}`;
  const schedule = Array.isArray(pipeline.schedule) ? `after ${pipeline.schedule.join(" and ")}` : pipeline.schedule;
  return h("article", { class: "card pipeline" },
    h("h2", {}, h("a", { href }, pipeline.name)),
    pipeline.description ? h("p", { class: "description" }, pipeline.description) : null,
    h("div", { class: "chips" },
      [pipeline.task ?? "plain ETL", schedule ?? "by hand", pipeline.targets.length ? `→ ${pipeline.targets.join(", ")}` : null]
        .filter(Boolean).map((text) => h("span", { class: "chip" }, text))),
    h("div", { class: "links" }, h("a", { href: `#/pipelines/${encodeURIComponent(pipeline.name)}/spec` }, "Spec"), pipeline.task === "forecast" && pipeline.champion ? h("a", { href: `#/forecasts?${new URLSearchParams({ pipeline: pipeline.name })}` }, "Forecasts") : null, outside(pipeline.links.airflow, "Airflow"), outside(pipeline.links.mlflow, "MLflow")),
    h("div", { class: "pipeline-foot" },
      h("div", {}, h("span", { class: "foot-label" }, "Last run"), lastRun(pipeline)),
      h("div", {}, h("span", { class: "foot-label" }, "Champion"), champion(pipeline))));
}

function lastRun({ name, last_run: run }) {
  if (!run) return h("span", { class: "small muted" }, "None yet: ", h("code", {}, `millrace run ${name}`));
  return [h("a", { href: `#/runs/${encodeURIComponent(run.run_id)}` }, badge(run.status)),
    h("span", { class: "small muted" }, ago(run.finished_at ?? run.started_at ?? run.created_at))];
}

function champion({ name, task, champion: model, last_run: run }) {
  if (!task) return h("span", { class: "small muted" }, "No model: a plain ETL");
  if (!model && run?.waits) return h("a", { class: "small", href: `#/models/${encodeURIComponent(name)}` }, `Version ${run.model_version} waits for approval`);
  if (!model) return h("span", { class: "small muted" }, task === "forecast" ? "None forecasts yet" : "None serves yet");
  return [h("a", { class: "champion-value", href: `#/models/${encodeURIComponent(name)}` }, `Version ${model.version}`),
    model.metric ? h("span", { class: "small muted num" }, `${words(model.metric)} ${measure(model.value)}`) : null];
}
