// The alerts, newest first: what is wrong, who knows of it, and that it is over.
import { can } from "../abilities.js";
import { changed, get, post } from "../api.js";
import { h } from "../dom.js";
import { ago } from "../format.js";
import { empty, notice, pageHead, table, tag } from "../parts.js";

export const tab = "alerts";
export const title = () => "Alerts";
export const pause = () => 6000;
const LOOK = { open: "is-bad", acknowledged: "is-warn", resolved: "is-good" };

export function load({ status, before }) {
  const wanted = [["status", status ?? "active"], ["before", before], ["limit", "30"]];
  return get(`api/v1/alerts?${new URLSearchParams(wanted.filter(([, value]) => value && value !== "all"))}`);
}

export function draw({ alerts, next_before: next }, { status = "active", before }) {
  return [
    pageHead("Alerts", null, filter(status)),
    h("div", { id: "refused", keep: "refused" }),
    alerts.length ? list(alerts) : empty(status === "active" ? "Nothing is wrong" : "No alerts", null),
    h("div", { class: "links" },
      before ? h("a", { href: address(status) }, "← Newest") : null,
      next ? h("a", { href: address(status, next) }, "Older →") : null),
  ];
}

function list(alerts) {
  return table("Alerts, newest first", [["State"], ["Pipeline", "name"], ["What", "wide"], ["Since", "nowrap"], [""]],
    alerts.map((alert) => ({ key: alert.id, class: "stacked", cells: [
      h("div", { class: "chips" }, tag(alert.status, LOOK[alert.status]), tag(alert.severity, alert.severity === "critical" ? "is-bad" : "is-warn")),
      h("div", {}, h("a", { href: `#/models/${encodeURIComponent(alert.pipeline)}` }, alert.pipeline),
        h("div", { class: "small" }, h("a", { href: `#/models/${encodeURIComponent(alert.pipeline)}/checks` }, "Checks"))),
      h("div", {}, alert.message, h("div", { class: "small muted" }, told(alert))),
      ago(alert.opened_at),
      actions(alert),
    ] })));
}

function told(alert) {
  const ended = alert.resolved_by ? `ended by ${alert.resolved_by}: ${alert.resolved_reason}` : null;
  const known = alert.acknowledged_by ? `known to ${alert.acknowledged_by}` : null;
  const lost = alert.deliveries.filter(({ error }) => error).map(({ channel, error }) => `${channel}: ${error}`);
  return [alert.times_seen === 1 ? "seen once" : `seen ${alert.times_seen} times`, ended ?? known, ...lost].filter(Boolean).join(" · ");
}

function actions(alert) {
  const button = (verb, text) => h("button", { type: "button", class: "button copy", id: `${verb}-${alert.id}`, onclick: () => change(alert, verb) }, text);
  if (alert.status === "resolved" || !can("alerts")) return "";
  return h("div", { class: "chips" },
    alert.status === "open" ? button("acknowledge", "Acknowledge") : null, button("resolve", "Resolve"));
}

async function change(alert, verb) {
  const refused = document.getElementById("refused");
  try {
    await post(`api/v1/alerts/${encodeURIComponent(alert.id)}/${verb}`, {});
    refused.replaceChildren();
    changed();
  } catch (error) {
    refused.replaceChildren(notice("is-bad", null, [error.message]));
  }
}

function filter(status) {
  const states = [["active", "Active"], ["open", "Open"], ["acknowledged", "Acknowledged"], ["resolved", "Resolved"], ["all", "All"]];
  return h("div", { class: "filters" },
    h("select", { id: "by-status", "aria-label": "Show by state", onchange: (event) => { location.hash = address(event.target.value); } },
      states.map(([value, text]) => h("option", { value, selected: status === value }, text))));
}

const address = (status, before) =>
  `#/alerts?${new URLSearchParams([["status", status], ["before", before]].filter(([, value]) => value))}`;
