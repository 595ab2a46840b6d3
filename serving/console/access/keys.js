// API keys: one's own, and for admins everyone's. A key's text is shown once, when it is made.
import { can, caller } from "../abilities.js";
import { changed, get, getAll, post, remove } from "../api.js";
import { askFor, confirmed, showOnce } from "../dialogs.js";
import { h } from "../dom.js";
import { ago } from "../format.js";
import { empty, section, table, tag } from "../parts.js";

const SCOPES = ["predict", "read", "feedback", "metrics", "models:reload", "models:promote", "models:traffic", "alerts"];
export const permission = "account";
export const load = () => getAll("api/v1/keys", "keys", can("keys") ? { everyone: true } : {});

export function draw(keys) {
  const make = h("button", { class: "button", type: "button", id: "make-key", onclick: makeKey }, "Make a key");
  return section("API keys", make, keys.length
    ? table("API keys, newest first", [["Key"], ["Owner", "told"], ["What it may do", "wide"], ["Plan", "told"], ["Ends", "nowrap told"], ["Last used", "nowrap told"], [""]], keys.map(line))
    : empty("No keys yet", "A program asks the service with a key of its own."));
}

function line(key) {
  const over = key.revoked_at || (key.expires_at && new Date(key.expires_at) < new Date());
  return { key: key.id, class: "stacked", cells: [
    h("div", {}, h("span", { class: "expectation" }, key.name), h("div", { class: "small muted mono" }, key.id)),
    key.owner,
    h("div", { class: "chips" }, key.scopes.map((scope) => tag(scope)), h("span", { class: "small muted" }, key.models ? `on ${key.models.join(", ")}` : "on all models")),
    key.plan,
    key.revoked_at ? h("span", { class: "is-warn" }, "ended ", ago(key.revoked_at)) : key.expires_at ? ago(key.expires_at) : "never",
    key.last_used_at ? ago(key.last_used_at) : h("span", { class: "small muted" }, "never"),
    over ? "" : h("button", { class: "button copy", type: "button", id: `end-${key.id}`, onclick: () => end(key) }, "End"),
  ] };
}

async function makeKey() {
  const { models } = await get("api/v1/models").catch(() => ({ models: [] }));
  const made = await askFor("Make a key", "Make", [
    { name: "name", label: "What it is for", required: true, maxlength: 64 },
    { name: "scopes", label: "What it may do", several: true, choices: SCOPES.filter(can), value: ["predict"] },
    ...(models.length ? [{ name: "models", label: "On which models", hint: "none: all", several: true, choices: models.map(({ name }) => name) }] : []),
    ...(can("keys") ? [{ name: "plan", label: "Plan", value: "standard" }] : []),
    { name: "days", label: "Ends after", hint: "days; empty: never", type: "number", min: 1, max: 3650, value: "90" },
  ], (values) => post("api/v1/keys", { ...values, models: values.models?.length ? values.models : null, days: values.days === "" ? null : Number(values.days) }),
  `The key belongs to ${caller().name} and ends when the account does.`);
  if (!made) return;
  await showOnce("The new key", made.key, "Copy it now: it is not kept, and not shown again. A program sends it as “Authorization: Bearer …”.");
  changed();
}

async function end(key) {
  await confirmed(`End the key “${key.name}”`, "Programs that use it are refused within seconds. This cannot be undone.", "End the key",
    () => remove(`api/v1/keys/${encodeURIComponent(key.id)}`));
  changed();
}
