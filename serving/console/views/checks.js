// What the checks of a champion found, newest first, and what came of it.
import { get } from "../api.js";
import { h } from "../dom.js";
import { pagesOf } from "../files.js";
import { ago, exact, measure, words } from "../format.js";
import { empty, notice, table, tag } from "../parts.js";

export const tab = "models";
export const title = ({ name }) => `Checks of ${name}`;
export const pause = () => 15000;

export async function load({ name, before }) {
  const wanted = new URLSearchParams([["limit", "20"], ...(before ? [["before", before]] : [])]);
  const [found, addressOf] = await Promise.all([get(`api/v1/pipelines/${encodeURIComponent(name)}/monitoring?${wanted}`), pagesOf(name)]);
  return { ...found, reports: found.reports.map((report) => ({ ...report, pages: pages(report, addressOf) })) };
}

/** [part, address] of each page that the report lists. */
function pages({ parts, run_id: check }, addressOf) {
  return Object.entries(parts).flatMap(([name, part]) =>
    Object.keys(part.pages ?? {}).filter((page) => page.endsWith("_html")).map((page) => [name, addressOf(check, page)]));
}

export function draw({ reports, last_retraining: last, next_before: next }, { name, before }) {
  const page = `#/models/${encodeURIComponent(name)}`;
  return [
    h("div", { class: "page-head" }, h("div", {},
      h("p", { class: "crumbs" }, h("a", { href: "#/models" }, "Models"), " / ", h("a", { href: page }, name)),
      h("h1", { tabindex: "-1" }, "Checks"),
      h("p", { class: "lead" }, "What the champion is asked and answers, compared with what it learnt from.")),
    h("div", { class: "links" }, h("a", { href: "#/alerts" }, "Alerts"))),
    last ? notice("is-warn", "Last retraining that drift set off", [`${exact(last.claimed_at)}: ${last.reason}`]) : null,
    reports.length ? list(reports)
      : empty(before ? "Nothing earlier" : "No check yet", before ? null : "A spec with the section monitoring is checked on its schedule; look now with:", before ? null : `millrace monitor ${name}`),
    h("div", { class: "links" },
      before ? h("a", { href: `${page}/checks` }, "← Newest") : null,
      next ? h("a", { href: `${page}/checks?${new URLSearchParams({ before: next })}` }, "Older →") : null),
  ];
}

function list(reports) {
  return table("Checks, newest first", [["When", "nowrap"], ["Version", "num"], ["Outcome"], ["What was found", "wide"]],
    reports.map((report) => ({ key: report.run_id, class: "tall stacked", cells: [
      ago(report.at),
      report.model_version,
      outcome(report),
      h("div", {}, Object.entries(report.parts).map(([name, part]) => partOf(name, part)),
        report.pages.map(([name, address]) => h("p", { class: "small" },
          h("a", { href: address, target: "_blank", rel: "noopener" }, `Distributions: ${name} ↗`))),
        report.retrain ? h("p", { class: "small muted" }, `Trains again: ${report.reason}`) : null),
    ] })));
}

function outcome({ parts, retrain }) {
  const found = Object.values(parts).flatMap(({ findings }) => findings);
  const critical = found.some(({ severity }) => severity === "critical");
  const judged = Object.values(parts).some((part) => part.judged.some((mark) => !mark.startsWith("monitoring_failed")));
  return h("div", { class: "chips" },
    found.length ? tag(`${found.length} finding${found.length === 1 ? "" : "s"}`, critical ? "is-bad" : "is-warn")
      : judged ? tag("nothing found", "is-good") : tag("not judged"),
    retrain ? tag("trains again", "is-busy") : null);
}

function partOf(name, { findings, notes, figures }) {
  const told = Object.entries(figures).filter(([, value]) => ["number", "string"].includes(typeof value))
    .map(([key, value]) => `${words(key)} ${typeof value === "number" ? measure(value) : value.slice(0, 12)}`);
  return h("div", { class: "check-part" },
    h("p", {}, h("span", { class: "expectation" }, name), told.length ? h("span", { class: "small muted" }, ` ${told.join(" · ")}`) : null),
    findings.map((one) => h("p", { class: `small ${one.severity === "critical" ? "is-bad" : "is-warn"}` }, one.message)),
    notes.map((note) => h("p", { class: "small muted" }, note)));
}
