// The best model by class, with its confusion matrix, or by cluster, with what is typical of each.
import { h } from "./dom.js";
import { count, measure } from "./format.js";
import { section, table } from "./parts.js";

const MAX_TRAITS = 10;

export function breakdown({ breakdown: told }) {
  if (!told) return null;
  return told.kind === "classes" ? classes(told) : clusters(told);
}

function classes(told) {
  const names = told.classes.map((one) => one.class);
  const left = told.classes_left_out ? `The ${names.length} commonest classes; ${told.classes_left_out} more are not shown. ` : "";
  return section("Classes", `${left}Of the best candidate, on ${count(told.rows)} held-out rows.`,
    table("Classes", [["Class"], ["Precision", "num"], ["Recall", "num"], ["F1", "num"], ["Rows", "num"]],
      told.classes.map((one) => [h("span", { class: "expectation" }, one.class),
        measure(one.precision), measure(one.recall), measure(one.f1), count(one.support)])),
    table("Confusion matrix", [["Actual, as it was predicted"], ...names.map((name) => [name, "num"])],
      told.confusion.map((row, index) => [h("span", { class: "expectation" }, names[index]), ...row.map(count)])));
}

function clusters(told) {
  const left = told.clusters_left_out ? `, the ${told.clusters.length} largest clusters` : "";
  return section("Clusters", `Over ${count(told.rows)} rows${left}.`,
    table("Clusters", [["Cluster"], ["Rows", "num"], ["What is typical"]],
      told.clusters.map((one) => [h("span", { class: "expectation" }, String(one.cluster)), count(one.rows),
        h("div", {}, h("p", {}, one.sentence), h("details", {}, h("summary", { class: "small muted" }, "Values"),
          h("ul", { class: "small mono" }, one.traits.slice(0, MAX_TRAITS).map((trait) => h("li", {}, typical(trait))))))])));
}

function typical({ column, of, category, value, overall, difference }) {
  const shown = (part) => (of === "share" || of === "missing" ? `${Math.round(part * 100)} %` : measure(part) === "–" ? part : measure(part));
  const what = of === "share" ? ` = ${category}` : of === "missing" ? " missing" : `, ${of}`;
  return `${column}${what}: ${shown(value)}, overall ${shown(overall)} (${difference > 0 ? "+" : ""}${difference.toFixed(2)} sd)`;
}
