// Where a spec is written: it is checked as one types, each finding leads to its line, and it is saved.
import { post, put } from "./api.js";
import { h } from "./dom.js";
import { notice } from "./parts.js";

const REST = 500; // milliseconds without a key until the text is checked

/** An editor with a `write(text)`; `about`: name (null: the text's own), version that it is based on, saved(version). */
export function editor(text, about) {
  const area = h("textarea", { id: "spec-text", class: "spec-text", rows: "26", spellcheck: "false", autocapitalize: "none", autocomplete: "off", wrap: "off", "aria-describedby": "spec-findings" });
  const findings = h("div", { id: "spec-findings", "aria-live": "polite" });
  const note = h("input", { id: "spec-note", type: "text", maxlength: "500", autocomplete: "off" });
  const button = h("button", { class: "button primary", type: "submit", id: "save", disabled: true }, "Save");
  const state = { timer: 0, asked: 0, name: about.name };
  const check = async () => {
    const mine = ++state.asked;
    button.disabled = true;
    const found = await looked(area.value);
    if (mine !== state.asked) return; // more was typed meanwhile
    state.name = about.name ?? found.pipeline;
    button.disabled = !found.usable;
    findings.replaceChildren(...told(found, area));
  };
  const soon = () => {
    state.asked += 1;
    button.disabled = true;
    clearTimeout(state.timer);
    state.timer = setTimeout(check, REST);
  };
  const save = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const answer = await put(`api/v1/pipelines/${encodeURIComponent(state.name)}`, { text: area.value, note: note.value }, about.version);
      about.saved(answer.version);
    } catch (error) {
      findings.replaceChildren(notice("is-bad", "It is not saved", [error.message]));
      button.disabled = false;
    }
  };
  area.addEventListener("input", soon);
  const form = h("form", { class: "card spec-form", keep: `${about.name}/${about.version}`, onsubmit: save, "aria-label": "The spec" },
    h("label", { for: "spec-text", class: "visually-hidden" }, "The spec as YAML"), area, findings,
    h("div", { class: "form-end" }, h("label", { for: "spec-note", class: "small" }, "Note"), note, button));
  form.write = (written) => { area.value = written; check(); };
  if (text) form.write(text);
  else findings.replaceChildren(h("p", { class: "small muted" }, "It is checked as you type."));
  return form;
}

async function looked(text) {
  if (!text.trim()) return { usable: false, errors: [], warnings: [], pipeline: null };
  try {
    return await post("api/v1/pipelines/check", { text });
  } catch (error) {
    return { usable: false, errors: [{ line: 1, message: error.message }], warnings: [], pipeline: null };
  }
}

function told({ usable, errors, warnings }, area) {
  const problems = errors.map(({ line, message }) => h("li", {},
    h("button", { class: "line-link", type: "button", onclick: () => goTo(area, line) }, `Line ${line}`), " ", message));
  return [
    problems.length ? h("div", { class: "notice is-bad" }, h("ul", {}, problems)) : null,
    notice("is-warn", null, warnings),
    usable ? h("p", { class: "small muted", id: "spec-usable" }, "It can be used.") : null,
  ].filter(Boolean);
}

/** Select a line, and bring it into sight. */
function goTo(area, line) {
  const lines = area.value.split("\n"), before = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(before, before + (lines[line - 1]?.length ?? 0));
  area.scrollTop = area.scrollHeight * Math.max(0, line - 5) / lines.length;
}
