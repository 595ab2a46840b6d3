// Questions and forms in front of the page. The browser's own dialog keeps the focus inside and gives it back.
import { h } from "./dom.js";
import { copyButton, notice } from "./parts.js";

/** Shows a dialog; `close` ends it, as Escape does. Resolves when it is closed. */
function open(title, ...content) {
  const dialog = h("dialog", { class: "card dialog", "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), ...content);
  document.body.append(dialog);
  const closed = new Promise((end) => dialog.addEventListener("close", () => { dialog.remove(); end(); }));
  dialog.showModal();
  const lock = (is) => {
    for (const button of dialog.querySelectorAll(".form-end button")) button.disabled = is;
  };
  return { closed, close: () => dialog.close(), lock };
}

/** Asks for what `fields` describe and gives the values to `work`; a refusal is told in the dialog, which stays. */
export function askFor(title, verb, fields, work, lead = null) {
  const said = h("div", { "aria-live": "polite" });
  const inputs = fields.map((field) => control(field));
  const button = h("button", { class: "button primary", type: "submit" }, verb);
  let ending = null, working = null;
  const submit = (event) => {
    event.preventDefault();
    working = attempt();
  };
  const attempt = async () => {
    ending.lock(true);
    try {
      const done = await work(Object.fromEntries(inputs.map(({ name, value }) => [name, value()])));
      after = done;
      ending.close();
    } catch (error) {
      said.replaceChildren(notice("is-bad", null, [error.message]));
    }
    ending.lock(false);
  };
  let after = null;
  const cancel = h("button", { class: "button", type: "button", onclick: () => ending.close() }, "Cancel");
  const form = h("form", { onsubmit: submit, "aria-label": title },
    lead ? h("p", { class: "muted" }, lead) : null, said, inputs.map(({ element }) => element), h("div", { class: "form-end" }, button, cancel));
  ending = open(title, form);
  form.querySelector("input, select, textarea")?.focus();
  // Escape closes the dialog at any time; what is being made then may be shown once only, so it is waited for.
  return ending.closed.then(() => working).then(() => after);
}

/** Asks before something that cannot be taken back. */
export const confirmed = (title, sentence, verb, work) => askFor(title, verb, [], work, sentence);

/** Shows what will never be shown again. */
export function showOnce(title, secret, lead) {
  const shown = open(title, h("p", { class: "muted" }, lead),
    h("div", { class: "command" }, h("code", { class: "secret" }, secret), copyButton(secret)),
    h("div", { class: "form-end" }, h("button", { class: "button primary", type: "button", onclick: () => shown.close() }, "Done")));
  return shown.closed;
}

/** One field: { name, label, hint, choices, several, ...attributes }. */
function control({ name, label, hint, choices, several, value, ...about }) {
  const id = `ask-${name}`;
  const head = h("label", { for: several ? null : id }, label, hint ? h("span", {}, hint) : null);
  if (several) return boxes(name, label, hint, choices, value ?? []);
  const input = choices
    ? h("select", { id, ...about }, choices.map((choice) => h("option", { value: choice, selected: choice === value }, choice)))
    : h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", value: value ?? null, ...about });
  return { name, element: h("div", { class: "field" }, head, input), value: () => input.value };
}

function boxes(name, label, hint, choices, chosen) {
  const all = choices.map((choice) => h("input", { type: "checkbox", value: choice, checked: chosen.includes(choice) }));
  const element = h("fieldset", { class: "field" }, h("legend", {}, label, hint ? h("span", { class: "small muted" }, ` ${hint}`) : null),
    h("div", { class: "boxes" }, all.map((box, index) => h("label", {}, box, choices[index]))));
  return { name, element, value: () => all.filter((box) => box.checked).map((box) => box.value) };
}
