// Stored credentials of sources and sinks: set and removed here, never shown.
import { changed, get, post, put, remove } from "../api.js";
import { askFor, confirmed } from "../dialogs.js";
import { h } from "../dom.js";
import { ago } from "../format.js";
import { empty, section, table } from "../parts.js";

export const permission = "credentials";
export const load = async () => (await get("api/v1/credentials")).credentials;

export function draw(credentials) {
  const button = (id, text, work) => h("button", { class: "button", type: "button", id, onclick: work }, text);
  const aside = h("span", { class: "chips" }, button("set-credential", "Set a credential", () => set()),
    credentials.length ? button("rotate", "Encrypt anew", rotate) : null);
  return section("Credentials", aside, credentials.length
    ? table("Credentials by name", [["Name"], ["In a spec"], ["Set by", "told"], ["Set", "nowrap told"], ["Encrypted with", "told"], [""]], credentials.map(line))
    : empty("No credentials", "A password or token that a source or sink needs; a spec names it as ${credential:NAME}."));
}

function line({ name, set_by: by, set_at: at, rotated_at: rotated, key_id: key }) {
  const small = (id, text, work) => h("button", { class: "button copy", type: "button", id: `${id}-${name}`, onclick: work }, text);
  return { key: name, class: "stacked", cells: [h("span", { class: "expectation" }, name), h("code", {}, `\${credential:${name}}`), by, ago(at),
    h("span", { class: "small" }, key ? h("code", {}, key) : "–", rotated ? [", ", ago(rotated)] : null),
    h("div", { class: "chips actions" }, small("replace", "Replace", () => set(name)), small("forget", "Remove", () => forget(name)))] };
}

async function set(name) {
  await askFor(name ? `Replace ${name}` : "Set a credential", "Store", [
    ...(name ? [] : [{ name: "name", label: "Name", required: true, autocapitalize: "none" }]),
    { name: "value", label: "Value", type: "password", required: true, autocomplete: "new-password" },
  ], (values) => put(address(name ?? values.name), { value: values.value }), "It is stored encrypted, and no page or answer ever shows it.");
  changed();
}

async function rotate() {
  await confirmed("Encrypt all credentials anew", "Under the first key of the installation, for instance before an old key is taken away.", "Encrypt anew", () => post("api/v1/credentials/rotate"));
  changed();
}

async function forget(name) {
  await confirmed(`Remove ${name}`, "Runs of specs that name it fail from now on. This cannot be undone.", "Remove", () => remove(address(name)));
  changed();
}

const address = (name) => `api/v1/credentials/${encodeURIComponent(name)}`;
