// The models: which version of each serves, and how good it is.
import { get } from "../api.js";
import { h } from "../dom.js";
import { ago, measure, words } from "../format.js";
import { badge, empty, notice, pageHead, table } from "../parts.js";

export const tab = "models";
export const title = () => "Models";
export const load = () => get("api/v1/models");
export const pause = () => 5000;

export function draw({ models, notes }) {
  return [
    pageHead("Models", "The champion of each pipeline answers predictions; a new one takes over without a restart."),
    notice("is-warn", "Not everything can be shown", notes),
    models.length ? list(models)
      : empty("No models yet", "A run that trains registers one.", "millrace run air-quality-co"),
  ];
}

function list(models) {
  return table("Models", [["Model", "name"], ["State"], ["Champion", "num"], ["Task"], ["Metrics", "wide"], ["Loaded", "nowrap told"]],
    models.map((model) => ({
      class: "linked stacked",
      cells: [
        h("a", { href: `#/models/${encodeURIComponent(model.name)}` }, model.name),
        h("div", {}, badge(model.state), model.error ? h("div", { class: "small is-bad" }, model.error) : null),
        model.champion ?? "–", model.task ?? "",
        h("div", { class: "chips" }, Object.entries(model.metrics).slice(0, 3).map(([name, value]) =>
          h("span", { class: "chip num" }, `${words(name)} ${measure(value)}`))),
        model.loaded_at ? ago(model.loaded_at) : "",
      ],
    })));
}
