// One model: what serves, every version, and a form to try it.
import { get, Refusal } from "../api.js";
import { decisionTable } from "../decisions.js";
import { h, outside } from "../dom.js";
import { ago, measure, words } from "../format.js";
import { promoteButton, rollbackButton } from "../moves.js";
import { badge, empty, facts, notice, section, table, tag } from "../parts.js";
import { trafficSection } from "../traffic.js";
import { tryIt } from "../tryit.js";

export const tab = "models";
export const title = ({ name }) => name;
export const pause = () => 5000;

export async function load({ name }) {
  const path = `api/v1/models/${encodeURIComponent(name)}`;
  const untold = [];
  const tell = (error) => {
    if (!(error instanceof Refusal)) throw error;
    untold.push(error.message);
    return null;
  };
  const [{ model, notes }, told] = await Promise.all([get(path), get(`${path}/decisions?limit=3`).catch(tell)]);
  const [schema, traffic] = model.loaded === null ? [null, null] // it answers no rows, or nothing yet
    : await Promise.all([get(`${path}/schema`).catch(tell), get(`${path}/traffic`).catch(tell)]);
  return { model, notes: [...new Set([...notes, ...untold])], traffic, decisions: told?.decisions ?? [], fields: schema?.fields ?? null };
}

export function draw({ model, notes, traffic, decisions, fields }) {
  const ahead = model.state === "forecasting";
  return [
    h("div", { class: "page-head" },
      h("div", {}, h("p", { class: "crumbs" }, h("a", { href: "#/models" }, "Models")),
        h("h1", { tabindex: "-1" }, model.name),
        h("p", { class: "lead" }, [model.task, model.targets.length ? `predicts ${model.targets.join(", ")}` : null].filter(Boolean).join(" · "))),
      h("div", { class: "head-end" }, h("div", {}, badge(model.state)),
        h("div", { class: "links" }, h("a", { href: `#/runs?pipeline=${encodeURIComponent(model.name)}` }, "Runs"),
          h("a", { href: `#/models/${encodeURIComponent(model.name)}/checks` }, "Checks"),
          outside(model.links.mlflow, "MLflow"), h("a", { href: "docs" }, "API")))),
    notice("is-warn", "Not everything can be shown", notes),
    model.error ? notice("is-bad", "The champion failed to load", [model.error]) : null,
    Object.keys(model.metrics).length ? facts([
      ahead ? ["Champion", model.champion, null] : ["Serving version", model.loaded, null],
      ...Object.entries(model.metrics).slice(0, 5).map(([name, value]) => [words(name), measure(value)]),
    ]) : null,
    ahead ? forecast(model) : section("Try it", "The answer comes from the version that serves now.",
      fields ? tryIt(model.name, fields) : unservedNote(model)),
    ahead ? null : trafficSection(model.name, traffic),
    section("Versions", rollbackButton(model.name, model.champion), versions(model)),
    decisions.length ? section("Decisions", h("a", { href: `#/models/${encodeURIComponent(model.name)}/decisions` }, "All decisions →"), decisionTable(decisions)) : null,
  ];
}

function unservedNote({ name, aliases, error }) {
  const waits = aliases.challenger;
  return waits && !aliases.champion
    ? empty("No version serves yet", `Version ${waits} waits for a person: in Airflow's Required Actions, or by “Promote” below.`)
    : aliases.champion && !error ? empty("It is being loaded", `Version ${aliases.champion} is the champion and answers as soon as the service has loaded it.`)
    : empty("No version serves yet", error ? null : "A promoted run makes one.", error ? null : `millrace run ${name}`);
}

function forecast({ name }) {
  return section("Forecasts", null, h("p", { class: "card verdict" }, "Forecasts are made ahead, by each run. ",
    h("a", { href: `#/forecasts?${new URLSearchParams({ pipeline: name })}` }, "Look at them →")));
}

function versions(model) {
  return table("Versions, newest first", [["Version", "told"], ["Alias"], ["Candidate", "told"], ["Dataset", "told"], ["Made", "told nowrap"], ["Run"], [""]],
    model.versions.map((version) => ({ key: version.version, class: "stacked", cells: [
      version.version,
      h("div", { class: "chips" }, version.aliases.map((alias) => tag(alias, alias === "champion" ? "is-good" : "is-accent")),
        version.loaded ? tag("serving") : null),
      version.candidate,
      version.dataset_version ? h("code", { title: version.dataset_version }, version.dataset_version.slice(0, 12)) : "–",
      ago(version.created),
      version.run_id ? h("a", { href: `#/runs/${encodeURIComponent(version.run_id)}` }, "Run") : "–",
      h("div", { class: "chips actions" }, promoteButton(model.name, version.version, model.champion), outside(version.links.mlflow, "MLflow")),
    ] })));
}
