// What an operator does to a model's versions: makes one the champion, goes back, shares out its requests.
import { can } from "./abilities.js";
import { changed, post, put, remove } from "./api.js";
import { askFor, confirmed } from "./dialogs.js";
import { h } from "./dom.js";

const address = (name) => `api/v1/models/${encodeURIComponent(name)}`;

export function promoteButton(name, version, champion) {
  if (!can("models:promote") || version === champion) return null;
  const sentence = `Version ${version} answers predictions instead of ${champion ? `version ${champion}` : "none"}, once it has been loaded. The record of changes names you.`;
  const work = async () => {
    await confirmed(`Make version ${version} the champion`, sentence, "Promote", () => post(`${address(name)}/promote`, { version }));
    changed();
  };
  return h("button", { class: "button copy", type: "button", id: `promote-${version}`, onclick: work }, "Promote");
}

export function rollbackButton(name, champion) {
  if (!can("models:promote") || !champion) return null;
  const work = async () => {
    await confirmed(`Go back from version ${champion}`, `The champion before version ${champion} answers again. A run does not promote version ${champion} again; a person may.`,
      "Roll back", () => post(`${address(name)}/rollback`, { only_from: champion }));
    changed();
  };
  return h("button", { class: "button copy", type: "button", id: "roll-back", onclick: work }, "Roll back");
}

/** Sets or clears how requests are shared out between versions. */
export function trafficButtons(name, traffic) {
  if (!can("models:traffic") || !traffic) return null;
  const clear = async () => {
    await confirmed("Let the champion answer everything", "No other version answers or listens any more.", "Clear", () => remove(`${address(name)}/traffic`));
    changed();
  };
  const button = (id, text, work) => h("button", { class: "button copy", type: "button", id, onclick: work }, text);
  const is = Object.keys(traffic.weights).some((label) => label !== "champion") || traffic.shadow;
  return h("span", { class: "chips" }, button("set-traffic", is ? "Change" : "Share requests out", () => share(name, traffic)), is ? button("clear-traffic", "Clear", clear) : null);
}

async function share(name, traffic) {
  const written = Object.entries(traffic.weights).map(([label, weight]) => `${label}=${weight}`).join(", ");
  await askFor(`Traffic of ${name}`, "Set", [
    { name: "weights", label: "Who answers", hint: "version=weight, …", value: written || "champion=1", required: true },
    { name: "shadow", label: "Who listens", hint: "a version or alias; empty: none", value: traffic.shadow ?? "" },
    { name: "shadow_share", label: "Share it hears", hint: "0 to 1", type: "number", min: 0, max: 1, step: "any", value: String(traffic.shadow_share) },
  ], (values) => put(`${address(name)}/traffic`, {
    weights: weightsOf(values.weights), shadow: values.shadow.trim() || null, shadow_share: Number(values.shadow_share), revision: traffic.revision,
  }), "Versions by number, or by alias such as champion and challenger; for instance champion=9, challenger=1.");
  changed();
}

function weightsOf(text) {
  const pairs = text.split(",").map((part) => part.split("=").map((one) => one.trim())).filter(([label]) => label);
  for (const [label, weight] of pairs) {
    if (!weight || !Number.isFinite(Number(weight))) throw new Error(`The weight of “${label}” is “${weight ?? ""}”; a number is wanted, such as ${label}=1.`);
  }
  return Object.fromEntries(pairs.map(([label, weight]) => [label, Number(weight)]));
}
