// Decisions about a model's versions, each with what it was made from.
import { h } from "./dom.js";
import { ago, measure, words } from "./format.js";
import { table, tag } from "./parts.js";

const LOOK = { promoted: "is-good", waiting: "is-busy", refused: "is-bad", rejected: "is-bad", expired: "is-warn", stale: "is-warn", rolled_back: "is-warn" };
const KINDS = { promotion: "rule", approval: "approval", move: "by hand", live_quality: "live quality" };

export function decisionTable(decisions) {
  return table("Decisions, newest first", [["When", "nowrap"], ["Version", "num"], ["Outcome"], ["Why", "wide"]],
    decisions.map((one) => ({ class: "tall stacked", cells: [
      ago(one.at),
      one.version,
      h("div", { class: "chips" }, tag(words(one.outcome), LOOK[one.outcome] ?? ""), tag(KINDS[one.kind] ?? words(one.kind))),
      h("div", {}, h("p", {}, one.reason), h("p", { class: "small muted" }, made(one)), evidence(one)),
    ] })));
}

/** What the promotion rule looked at, part by part. */
export function checks(found) {
  return h("ul", { class: "verdict", "aria-label": "The promotion rule" }, found.map((check) =>
    h("li", {}, tag(check.passed ? "held" : "failed", check.passed ? "is-good" : "is-bad"), " ", check.found)));
}

function made({ by, run_id: run }) {
  if (!run) return `by ${by}`;
  const link = h("a", { href: `#/runs/${encodeURIComponent(run)}` }, "the run");
  return by === `run ${run}` ? ["by ", link] : [`by ${by}, after `, link];
}

function evidence(one) {
  const figures = [
    ["Metric", one.metric && words(one.metric)],
    ["Value", one.value !== undefined && measure(one.value)],
    ["Champion then", one.champion?.version && `version ${one.champion.version}: ${measure(one.champion.value)}`],
    ["Improvement", one.improvement?.low !== undefined && improvement(one.improvement)],
    ["Time for one row", typeof one.latency_ms === "number" && `${measure(one.latency_ms)} ms`],
    ["Size", typeof one.size_bytes === "number" && `${measure(one.size_bytes / 1e6)} MB`],
    ...Object.entries(live(one)),
  ].filter(([, value]) => value);
  if (!figures.length && !one.checks?.length) return null;
  return h("details", {}, h("summary", {}, "Evidence"),
    one.checks?.length ? checks(one.checks) : null,
    figures.length ? h("dl", { class: "figures small" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))) : null);
}

const improvement = ({ value, low, high, confidence, resamples }) =>
  `${measure(value)} (${Math.round(100 * confidence)} % interval ${measure(low)} to ${measure(high)}, ${resamples} resamples)`;

/** The further figures of a decision by live quality. */
function live(one) {
  if (one.kind !== "live_quality") return {};
  const known = new Set(["id", "model", "version", "kind", "by", "at", "outcome", "reason", "created_at", "metric", "run_id"]);
  const shown = ([name, value]) => !known.has(name) && ["number", "string"].includes(typeof value);
  return Object.fromEntries(Object.entries(one).filter(shown).map(([name, value]) => [words(name), typeof value === "number" ? measure(value) : value]));
}
