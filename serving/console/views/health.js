// The service's health: the parts it depends on, and the models it serves.
import { get } from "../api.js";
import { badge, notice, pageHead, section, table, tag } from "../parts.js";

export const tab = "health";
export const title = () => "Health";
export const load = () => get("health");
export const pause = () => 5000;

export function draw({ status, models, dependencies, problems, version }) {
  return [
    pageHead("Health", `The service of Millrace ${version}.`, badge(status)),
    notice(status === "unhealthy" ? "is-bad" : "is-warn", null, problems),
    section("Parts", null, table("Parts", [["Part"], ["State"], ["What it says"]],
      Object.entries(dependencies).map(([name, part]) =>
        [name, part.reachable ? tag("reachable", "is-good") : tag("away", "is-bad"), part.error ?? "–"]))),
    models.length ? section("Models", null, table("Models", [["Model"], ["Version", "num"], ["State"], ["What it says"]],
      models.map((model) => [model.name, model.version ?? "–", badge(model.state), model.error ?? "–"]))) : null,
  ];
}
