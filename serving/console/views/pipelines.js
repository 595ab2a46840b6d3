// The first page: what waits for a person, then the pipelines as cards: what each is, how its last run went, which
// version is its champion and how good it is.
import { can } from "../abilities.js";
import { attention, waitingFor } from "../attention.js";
import { Refusal, get } from "../api.js";
import { h, outside } from "../dom.js";
import { ago, count, measure, words } from "../format.js";
import { badge, empty, notice, pageHead } from "../parts.js";

export const tab = "pipelines";
export const title = () => "Pipelines";

export async function load() {
  const [found, known, told] = await Promise.all([get("api/v1/pipelines"), get("api/v1/models"), get("api/v1/alerts?status=active&limit=100").catch(untold)]);
  return { ...found, models: known.models, alerts: told.alerts, notes: [...new Set([...found.notes, ...known.notes, ...(told.notes ?? [])])] };
}

function untold(error) {
  if (error instanceof Refusal) return { alerts: [], notes: [error.message] };
  throw error;
}

const isGoing = (pipeline) => ["running", "queued"].includes(pipeline.last_run?.status);
export const pause = ({ pipelines }) => (pipelines.some(isGoing) ? 2500 : 6000);

export function draw(answer) {
  const { pipelines, broken, notes } = answer;
  return [
    pageHead("Pipelines", pipelines.length ? summary(answer) : "From a table to a served model, each declared in one YAML file.",
      can("pipelines") ? h("a", { class: "button primary", id: "new-pipeline", href: "#/new-pipeline" }, "New pipeline") : null),
    notice("is-bad", broken.length > 1 ? "Specs that cannot be read" : "A spec that cannot be read", broken),
    notice("is-warn", "Not everything can be shown", notes),
    attention(answer),
    pipelines.length
      ? h("div", { class: "cards" }, pipelines.map(card))
      : empty("No pipelines yet", "Write one from a table; then run it.", "millrace init table.csv --target COLUMN"),
  ];
}

/** The state of all in one line; that nothing waits is said, since silence could mean anything. */
function summary(answer) {
  const { pipelines, models, broken, notes } = answer;
  const several = (number, one, more) => `${count(number)} ${number === 1 ? one : more}`;
  const going = pipelines.filter(isGoing).length, serving = models.filter(({ state }) => ["serving", "forecasting"].includes(state)).length;
  const isCalm = !waitingFor(answer).length && !broken.length && !notes.length;
  return [several(pipelines.length, "pipeline", "pipelines"), several(serving, "model serves", "models serve"),
    going ? several(going, "run under way", "runs under way") : null, isCalm ? "nothing waits for you" : null].filter(Boolean).join(" · ");
}

function card(pipeline) {
  const href = `#/runs?pipeline=${encodeURIComponent(pipeline.name)}`;
  const schedule = Array.isArray(pipeline.schedule) ? `after ${pipeline.schedule.join(" and ")}` : pipeline.schedule;
  return h("article", { class: "card pipeline", key: pipeline.name },
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

function champion({ name, task, champion: model, waiting }) {
  if (!task) return h("span", { class: "small muted" }, "No model: a plain ETL");
  const page = `#/models/${encodeURIComponent(name)}`;
  const waits = waiting ? h("a", { class: "small", href: page }, `Version ${waiting} waits for approval`) : null;
  if (!model && waits) return waits;
  if (!model) return h("span", { class: "small muted" }, task === "forecast" ? "None forecasts yet" : "None serves yet");
  return [h("a", { class: "champion-value", href: page }, `Version ${model.version}`),
    model.metric ? h("span", { class: "small num" }, h("span", { class: "muted" }, `${words(model.metric)} `), measure(model.value)) : null, waits];
}
