// The record of changes: who, what, from where; before and after.
import { get } from "../api.js";
import { h } from "../dom.js";
import { ago } from "../format.js";
import { section, table } from "../parts.js";

export const permission = "audit";
export const load = ({ before }) => get(`api/v1/audit?${new URLSearchParams([["limit", "30"], ...(before ? [["before", before]] : [])])}`);

export function draw({ entries, next_before: next }, { before }) {
  return section("Record of changes", null,
    table("Changes, newest first", [["When", "nowrap"], ["Who"], ["What"], ["On"], ["Before and after", "wide"]], entries.map((entry) => ({ class: "stacked", cells: [
      ago(entry.at),
      h("div", {}, entry.who, entry.address ? h("div", { class: "small muted" }, `from ${entry.address}`) : null),
      h("code", {}, entry.action),
      entry.target,
      entry.before || entry.after ? h("span", { class: "small mono" }, [entry.before, entry.after].map((part) => (part ? JSON.stringify(part) : "–")).join(" → ")) : "",
    ] }))),
    h("div", { class: "links" },
      before ? h("a", { href: "#/access" }, "← Newest") : null,
      next ? h("a", { href: `#/access?${new URLSearchParams({ before: next })}` }, "Older →") : null));
}
