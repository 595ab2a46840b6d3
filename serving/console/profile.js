// What each column of the table holds, folded away until somebody asks.
import { h } from "./dom.js";
import { count, measure } from "./format.js";
import { section, table } from "./parts.js";

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
const shown = (value) => (typeof value === "number" ? measure(value) : value ?? "–");

export function profile({ profile: told }) {
  if (!told) return null;
  const left = told.columns_left_out ? `, ${told.columns_left_out} more are not shown` : "";
  return section("Table", `${told.columns.length} columns${left}, over ${count(told.rows)} rows.`,
    h("details", {}, h("summary", {}, "What each column holds"),
      table("Columns", [["Column"], ["Kind"], ["Missing", "num"], ["Distinct", "num"], ["Usual values"]],
        told.columns.map((one) => [h("span", { class: "expectation" }, one.column), one.kind, percent(one.missing),
          count(one.distinct), h("span", { class: "small mono" }, usual(one))]))));
}

function usual({ common, least, median, most, zeros }) {
  if (common) return common.map(({ value, share }) => `${value} ${percent(share)}`).join(", ") || "–";
  if (least === undefined) return "–";
  const middle = median === undefined ? "" : ` … ${shown(median)}`;
  return `${shown(least)}${middle} … ${shown(most)}${zeros ? `, 0 in ${percent(zeros)}` : ""}`;
}
