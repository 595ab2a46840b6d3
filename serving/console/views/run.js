// One run: how far it came, what was found in the data, how the candidates compare, what was decided.
import { get } from "../api.js";
import { breakdown } from "../breakdown.js";
import { comparison } from "../comparison.js";
import { h, outside } from "../dom.js";
import { filesOf } from "../files.js";
import { ago, count, exact, lasting, shortRun, words } from "../format.js";
import { badge, copyButton, empty, facts, notice, section, table, tag } from "../parts.js";
import { profile } from "../profile.js";
import { timeline } from "../timeline.js";

const MOST_EXAMPLES = 4;
export const tab = "runs";
export const title = ({ id }) => `Run ${id}`;
export async function load({ id }) {
  const { run, ...rest } = await get(`api/v1/runs/${encodeURIComponent(id)}`);
  return { ...rest, run: { ...run, files: await filesOf(id) } };
}
export const pause = ({ run }) => (["running", "queued"].includes(run.status) ? 1500 : 0);

export function draw({ run }) {
  return [
    head(run),
    run.error ? notice("is-bad", "The run stopped", [run.error.message]) : null,
    notice("is-warn", run.warnings.length > 1 ? `${run.warnings.length} warnings` : "Warning", run.warnings),
    overview(run),
    section("Stages", null, run.timeline.length ? timeline(run) : empty("Waiting to start", "No stage has begun yet.")),
    validation(run),
    profile(run),
    comparison(run),
    breakdown(run),
    plots(run),
    deliveries(run),
  ];
}

function head(run) {
  return h("div", { class: "page-head" },
    h("div", {},
      h("p", { class: "crumbs" }, h("a", { href: "#/runs" }, "Runs"), " / ",
        h("a", { href: `#/runs?pipeline=${encodeURIComponent(run.pipeline)}` }, run.pipeline)),
      h("h1", { tabindex: "-1" }, run.pipeline),
      h("p", { class: "lead" }, h("span", { class: "mono" }, shortRun(run)), " ", copyButton(run.run_id))),
    h("div", { class: "head-end" }, h("div", {}, badge(run.status)),
      h("div", { class: "links" }, outside(run.links.airflow, "Airflow run"), outside(run.links.mlflow, "MLflow"))));
}

function overview(run) {
  const { rows } = run;
  const interval = run.interval ? `${exact(run.interval.start)} to ${exact(run.interval.end)}` : null;
  return facts([
    ["Started", run.started_at ? ago(run.started_at) : "Not yet", run.trigger?.by ? `by ${run.trigger.by}` : null],
    ["Duration", lasting(run.started_at, run.finished_at)],
    ["Rows read", count(rows.extracted)],
    ["Quarantined", count(rows.quarantined)],
    ["Rows used", count(rows.transformed ?? rows.validated)],
    ["Dataset", run.dataset_version ? h("code", { title: run.dataset_version }, run.dataset_version.slice(0, 12)) : "–"],
    run.model_version ? ["Model version",
      h("a", { href: `#/models/${encodeURIComponent(run.pipeline)}` }, run.model_version),
      run.promoted ? "promoted" : "not promoted"] : null,
    interval ? ["Data interval", h("span", { class: "small" }, interval)] : null,
  ]);
}

function validation(run) {
  const { failed } = run.validation;
  const report = run.artifacts.report
    ? h("a", { href: artifact(run, run.artifacts.report), target: "_blank", rel: "noopener" }, "Full report ↗") : null;
  if (!failed.length && run.expectations_passed === null) return null;
  const held = run.expectations_passed;
  if (!failed.length) {
    const sentence = held ? `All ${held} expectation${held === 1 ? "" : "s"} held.` : "The spec declares no expectations.";
    return section("Validation", report, h("p", { class: "card verdict" }, held ? badge("success", "Passed") : null, sentence));
  }
  const aside = h("span", {}, held ? `${held} expectation${held === 1 ? "" : "s"} held. ` : "", report);
  return section("Validation", aside, table("Expectations that did not hold",
    [["Severity"], ["What was found", "wide"], ["Rows", "num"], ["Examples", "told"]],
    failed.map((result) => ({ class: "stacked", cells: [
      tag(result.on_failure, result.on_failure === "warn" || result.on_failure === "quarantine" ? "is-warn" : "is-bad"),
      h("div", {}, h("div", { class: "expectation" }, result.message),
        h("div", { class: "small muted mono" }, result.expect)),
      result.unexpected_count === null ? "–" : `${count(result.unexpected_count)} of ${count(result.rows)}`,
      h("span", { class: "small mono" }, (result.examples ?? []).slice(0, MOST_EXAMPLES).map(example).join(", ")),
    ] }))));
}

/** A value that broke an expectation, and where it stands. */
const example = (one) => (one && typeof one === "object" && "value" in one
  ? `${JSON.stringify(one.value)}${one.row === undefined || one.row === null ? "" : ` in row ${one.row}`}` : JSON.stringify(one));

function plots(run) {
  const names = run.artifacts.plots;
  if (!names.length) return null;
  return section("Plots", null, h("div", { class: "plots" }, names.map((name) => {
    const text = words(name.replace("plots/", "").replace(/\.png$/, ""));
    return h("figure", { class: "card" },
      h("a", { href: artifact(run, name), target: "_blank", rel: "noopener" },
        h("img", { src: artifact(run, name), alt: `Plot: ${text}`, loading: "lazy" })),
      h("figcaption", {}, text));
  })));
}

function deliveries(run) {
  if (!run.deliveries.length) return null;
  return section("Delivered to", null, table("Sinks", [["Sink"], ["Target"], ["Rows", "num"]],
    run.deliveries.map((delivery) => [delivery.type ?? "sink", h("code", {}, delivery.target ?? "–"), count(delivery.rows)])));
}

const artifact = (run, name) =>
  `${run.files}/${name.split("/").map(encodeURIComponent).join("/")}`;
