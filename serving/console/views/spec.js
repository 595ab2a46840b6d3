// A pipeline's spec: shown, and for operators written, checked as they type, saved in versions, retired.
import { can } from "../abilities.js";
import { get, post, remove } from "../api.js";
import { confirmed } from "../dialogs.js";
import { h } from "../dom.js";
import { ago } from "../format.js";
import { notice, pageHead, section, table } from "../parts.js";
import { editor } from "../spec-editor.js";
import { start } from "../spec-start.js";

export const tab = "pipelines";
export const title = ({ name }) => (name ? `Spec of ${name}` : "New pipeline");
export const pause = () => 0; // what somebody is writing is not drawn anew
const address = (name) => `api/v1/pipelines/${encodeURIComponent(name)}`;

export async function load({ name }) {
  if (!name) return {};
  const spec = await get(`${address(name)}/spec`);
  return { spec, versions: spec.made ? (await get(`${address(name)}/spec/versions`)).versions : [] };
}

export function draw({ spec, versions }, { name, version }) {
  if (!name) return created();
  const mayChange = spec.made && can("pipelines");
  return [
    pageHead(name, spec.made ? `Made here: version ${spec.version}, by ${spec.by}.` : "It stands in a file of the installation, and is changed there.",
      mayChange && !spec.retired ? h("button", { class: "button", type: "button", id: "retire", onclick: () => retire(spec) }, "Retire") : null),
    spec.retired ? notice("is-warn", "Retired", ["It runs no more. Save it, or go back to a version, to bring it back."]) : null,
    version ? notice("is-good", `Version ${version} is saved`, ["Airflow schedules it within seconds; the pipelines show its first run."]) : null,
    mayChange ? editor(spec.text, { name, version: spec.retired ? null : spec.version, saved })
      : h("pre", { class: "spec-text", tabindex: "0", "aria-label": "The spec" }, spec.text),
    spec.made ? section("Versions", null, history(spec, versions, mayChange)) : null,
  ];
}

function created() {
  if (!can("pipelines")) return [pageHead("New pipeline"), notice("is-warn", null, ["Making a pipeline takes the role operator: sign in with an account that has it."])];
  const form = editor("", { name: null, version: null, saved });
  return [
    pageHead("New pipeline", "Draft it from a table, or write it. It is kept in versions, and Airflow schedules it."),
    start((text) => form.write(text)), form,
  ];
}

function history(spec, versions, mayChange) {
  const back = ({ version, retired }) => (mayChange && !retired && version !== spec.version
    ? h("button", { class: "button copy", type: "button", id: `revert-${version}`, onclick: () => revert(spec, version) }, "Go back to it") : "");
  return table("Versions, newest first", [["Version"], ["What"], ["By"], ["When", "nowrap"], ["Note"], [""]],
    versions.map((item) => [String(item.version), item.retired ? "retired" : h("code", {}, item.spec_version), item.by, ago(item.at), item.note || "–", back(item)]));
}

async function retire(spec) {
  await confirmed(`Retire ${spec.pipeline}`, "It is not scheduled any more. Its versions, runs and models stay, and it can be brought back.", "Retire",
    () => remove(address(spec.pipeline), spec.version));
  location.hash = "#/pipelines";
}

async function revert(spec, to) {
  const done = await confirmed(`Go back to version ${to}`, "Its text becomes a new version.", "Go back",
    () => post(`${address(spec.pipeline)}/revert`, { version: to }, spec.retired ? null : spec.version));
  if (done) saved(done.version);
}

/** Show what was saved; a new address draws the page anew. */
function saved({ pipeline, version }) {
  location.hash = `#/pipelines/${encodeURIComponent(pipeline)}/spec?version=${version}`;
}
