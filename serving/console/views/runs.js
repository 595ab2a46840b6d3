// The runs, newest first, by pipeline and status.
import { get } from "../api.js";
import { h } from "../dom.js";
import { ago, lasting, shortRun } from "../format.js";
import { badge, empty, pageHead, table, tag } from "../parts.js";

export const tab = "runs";
export const title = ({ pipeline }) => (pipeline ? `Runs of ${pipeline}` : "Runs");
const isGoing = (run) => ["running", "queued"].includes(run.status);
export const pause = ({ runs }) => (runs.some(isGoing) ? 2500 : 6000);

export async function load(parameters) {
  const wanted = ["pipeline", "status", "before"].filter((key) => parameters[key]).map((key) => [key, parameters[key]]);
  const [found, { pipelines }] = await Promise.all([
    get(`api/v1/runs?${new URLSearchParams([...wanted, ["limit", "30"]])}`), get("api/v1/pipelines"),
  ]);
  return { ...found, names: pipelines.map(({ name }) => name) };
}

export function draw({ runs, names, next_before: next }, parameters) {
  return [
    pageHead(parameters.pipeline ? `Runs of ${parameters.pipeline}` : "Runs", null, filters(names, parameters)),
    runs.length ? list(runs) : nothing(parameters),
    h("div", { class: "links" },
      parameters.before ? h("a", { href: address({ ...parameters, before: "" }) }, "← Newest") : null,
      next ? h("a", { href: address({ ...parameters, before: next }) }, "Older →") : null),
  ];
}

function list(runs) {
  const rows = runs.map((run) => ({
    key: run.run_id,
    class: "linked stacked",
    cells: [
      badge(run.status),
      h("div", {}, h("a", { href: `#/runs/${encodeURIComponent(run.run_id)}` }, run.pipeline),
        h("div", { class: "small muted mono nowrap" }, shortRun(run))),
      ago(run.started_at ?? run.created_at),
      lasting(run.started_at, run.finished_at),
      outcome(run),
    ],
  }));
  return table("Runs, newest first",
    [["Status"], ["Pipeline", "name"], ["Started", "nowrap"], ["Duration", "num"], ["Outcome", "wide"]], rows);
}

function outcome(run) {
  if (run.error) return h("span", { class: "small is-bad" }, run.error.message);
  return h("div", { class: "chips" },
    run.model_version ? tag(`version ${run.model_version}`) : null,
    run.promoted ? tag("promoted", "is-accent") : null,
    run.waits ? tag("waits for approval", "is-busy") : null,
    run.warnings ? tag(`${run.warnings} warning${run.warnings === 1 ? "" : "s"}`, "is-warn") : null);
}

function nothing({ pipeline, status }) {
  if (status) return empty(`No runs with the status ${status}`, "Choose another status above.");
  return empty("No runs yet", "The first one starts with:", `millrace run ${pipeline ?? "air-quality-co"}`);
}

function filters(names, parameters) {
  const choose = (key, all, values) =>
    h("select", { id: `by-${key}`, "aria-label": `Show by ${key}`, onchange: (event) => {
      location.hash = address({ ...parameters, before: "", [key]: event.target.value });
    } }, [["", all], ...values.map((value) => [value, value])].map(([value, text]) =>
      h("option", { value, selected: (parameters[key] ?? "") === value }, text)));
  const known = parameters.pipeline && !names.includes(parameters.pipeline) ? [...names, parameters.pipeline] : names;
  return h("div", { class: "filters" }, choose("pipeline", "All pipelines", known),
    choose("status", "Any status", ["success", "failed", "running", "queued"]));
}

function address(parameters) {
  const kept = ["pipeline", "status", "before"].filter((key) => parameters[key]).map((key) => [key, parameters[key]]);
  return kept.length ? `#/runs?${new URLSearchParams(kept)}` : "#/runs";
}
