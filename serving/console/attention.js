// What waits for a person: failed runs, approvals, models that do not serve as they should, alerts that nobody knows of.
import { h } from "./dom.js";
import { ago } from "./format.js";
import { section, table, tag } from "./parts.js";

const MOST_ALERTS = 5;
const model = (name) => `#/models/${encodeURIComponent(name)}`;
const FAULTS = { failed: "does not serve", stale: "older version serves", withdrawn: "alias is gone" };

/** Each as { key, kind, look, name, href, text, at }: what must be mended first, first. */
export function waitingFor({ pipelines, models, alerts }) {
  const open = alerts.filter(({ status }) => status === "open").sort((a, b) => (b.severity === "critical") - (a.severity === "critical"));
  return [...models.filter(({ state }) => state in FAULTS).map(faulty), ...pipelines.filter(({ last_run: run }) => run?.status === "failed").map(failed),
    ...pipelines.filter(({ waiting }) => waiting).map(unapproved), ...open.slice(0, MOST_ALERTS).map(alerting)];
}

export function attention(answer) {
  const found = waitingFor(answer), further = answer.alerts.filter(({ status }) => status === "open").length - MOST_ALERTS;
  if (!found.length) return null;
  const aside = further > 0 ? h("a", { href: "#/alerts" }, `${further} more alert${further === 1 ? "" : "s"} →`) : null;
  return section("Needs attention", aside, table("What needs attention", [["What"], ["Where", "name"], ["Why", "wide"], ["Since", "nowrap"]],
    found.map((one) => ({ key: one.key, class: "stacked", cells: [
      tag(one.kind, one.look), h("a", { href: one.href }, one.name), h("div", { class: "why" }, one.text), one.at ? ago(one.at) : "",
    ] }))));
}

const faulty = ({ name, state, error, champion }) => ({
  key: `model ${name}`, kind: FAULTS[state], look: state === "failed" ? "is-bad" : "is-warn", name, href: model(name),
  text: error ?? (state === "withdrawn" ? "The registry names no champion any more; the version that was loaded goes on answering." : `Version ${champion} is not loaded.`),
});

const failed = ({ name, last_run: run }) => ({
  key: `run ${name}`, kind: "run failed", look: "is-bad", name, href: `#/runs/${encodeURIComponent(run.run_id)}`,
  text: run.error?.message ?? "No reason was recorded.", at: run.finished_at ?? run.started_at ?? run.created_at,
});

const unapproved = ({ name, waiting, champion }) => ({
  key: `approval ${name}`, kind: "approval", look: "is-busy", name, href: model(name),
  text: `Version ${waiting} waits for a person; ${champion ? `version ${champion.version} answers meanwhile` : "no version answers yet"}.`,
});

const alerting = (alert) => ({
  key: alert.id, kind: alert.severity === "critical" ? "critical alert" : "alert", look: alert.severity === "critical" ? "is-bad" : "is-warn",
  name: alert.pipeline, href: "#/alerts", text: alert.message, at: alert.opened_at,
});
