// Every decision about one model: promotions, refusals, approvals and rollbacks, newest first.
import { get } from "../api.js";
import { decisionTable } from "../decisions.js";
import { h } from "../dom.js";
import { empty } from "../parts.js";

export const tab = "models";
export const title = ({ name }) => `Decisions about ${name}`;
export const pause = () => 10000;

export function load({ name, before }) {
  const wanted = new URLSearchParams([["limit", "30"], ...(before ? [["before", before]] : [])]);
  return get(`api/v1/models/${encodeURIComponent(name)}/decisions?${wanted}`);
}

export function draw({ decisions, next_before: next }, { name, before }) {
  const page = `#/models/${encodeURIComponent(name)}`;
  return [
    h("div", { class: "page-head" }, h("div", {},
      h("p", { class: "crumbs" }, h("a", { href: "#/models" }, "Models"), " / ", h("a", { href: page }, name)),
      h("h1", { tabindex: "-1" }, "Decisions"),
      h("p", { class: "lead" }, "Why each version became the champion, or did not."))),
    decisions.length ? decisionTable(decisions)
      : empty(before ? "Nothing earlier" : "Nothing has been decided yet", before ? null : "A run that trains decides on its best candidate.", before ? null : `millrace run ${name}`),
    h("div", { class: "links" },
      before ? h("a", { href: `${page}/decisions` }, "← Newest") : null,
      next ? h("a", { href: `${page}/decisions?${new URLSearchParams({ before: next })}` }, "Older →") : null),
  ];
}
