// A form made from a model's fields: asks for a prediction, shows the answer and the same call for a shell.
import { Refusal, post } from "./api.js";
import { h } from "./dom.js";
import { predicted } from "./format.js";
import { commandLine, notice, tag } from "./parts.js";
import { person } from "./session.js";

const NUMBERS = ["double", "float", "long", "integer"];
const WORDS = { double: "number", float: "number", long: "whole number", integer: "whole number", string: "text", boolean: "true or false", datetime: "time" };

export function tryIt(name, fields) {
  const inputs = new Map(fields.map((field, index) => [field.name, control(field, index)]));
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const row = () => Object.fromEntries(fields.map((field) => [field.name, valueOf(field, inputs.get(field.name))])
    .filter(([, value]) => value !== undefined));
  const button = h("button", { class: "button primary", type: "submit" }, "Predict");
  const path = `api/v1/models/${encodeURIComponent(name)}/predict`;
  let asked = 0; // what was typed since makes an answer that is still under way another row's
  const again = () => {
    asked += 1;
    button.disabled = false;
    mark(inputs, []);
    waiting(answer, path, row());
  };
  const send = async (event) => {
    event.preventDefault();
    const present = asked += 1, given = row();
    button.disabled = true;
    const found = await ask(path, given);
    if (present !== asked) return;
    button.disabled = false;
    mark(inputs, found.problems);
    answer.replaceChildren(...found.shown, commandLine(curl(path, given)));
  };
  const reset = () => {
    fields.forEach((field) => { inputs.get(field.name).value = written(field.example); });
    again();
  };
  const form = h("form", { onsubmit: send, novalidate: true, "aria-label": `Try ${name}` },
    h("div", { class: "fields" }, fields.map((field) => labelled(field, inputs.get(field.name)))),
    h("div", { class: "form-end" }, button, h("button", { class: "button", type: "button", onclick: reset }, "Example values")));
  form.addEventListener("input", again);
  waiting(answer, path, row());
  return h("div", { class: "card try", keep: `${name} ${JSON.stringify(fields)}` }, form, answer);
}

function control(field, index) {
  const common = { id: `field-${index}`, "aria-describedby": `problem-${index}`, autocomplete: "off" };
  if (field.type === "boolean") {
    const choices = field.required ? ["true", "false"] : ["", "true", "false"];
    return h("select", common, choices.map((value) => h("option", { value, selected: value === written(field.example) }, value || "–")));
  }
  const mode = NUMBERS.includes(field.type) ? { inputmode: "decimal" } : {};
  return h("input", { ...common, ...mode, type: "text", spellcheck: "false", value: written(field.example), placeholder: field.required ? null : "empty: missing" });
}

function labelled(field, input) {
  return h("div", { class: "field" },
    h("label", { for: input.id }, field.name, h("span", {}, field.required ? WORDS[field.type] : `${WORDS[field.type]}, optional`)),
    input, h("div", { class: "problem", id: input.getAttribute("aria-describedby") }));
}

const written = (value) => (value === null || value === undefined ? "" : String(value));

/** What the form's text means as JSON. A number that cannot be read is sent as text, so that the service names it. */
function valueOf(field, input) {
  const text = input.value;
  if (text.trim() === "" && field.type !== "string") return field.required ? null : undefined;
  if (text === "" && !field.required) return undefined;
  if (field.type === "boolean") return text === "true";
  if (NUMBERS.includes(field.type)) return Number.isFinite(Number(text)) ? Number(text) : text;
  return text;
}

function waiting(answer, path, row) {
  answer.replaceChildren(h("p", { class: "muted" }, "Press Predict, or use the same call from a shell:"), commandLine(curl(path, row)));
}

/** What to show for an answer, or for a refusal with the fields that it names. */
async function ask(path, row) {
  const started = performance.now();
  try {
    const found = await post(`${path}?probabilities=true`, row);
    return { shown: drawn(found, performance.now() - started), problems: [] };
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    return { shown: [notice("is-bad", "No prediction", [error.message])], problems: error.details?.errors ?? [] };
  }
}

function mark(inputs, problems) {
  const told = new Map(problems.map(({ field, problem }) => [field, problem]));
  for (const [name, input] of inputs) {
    input.setAttribute("aria-invalid", told.has(name));
    input.nextElementSibling.textContent = told.get(name) ?? "";
  }
  [...inputs].find(([name]) => told.has(name))?.[1].focus();
}

function drawn(found, milliseconds) {
  const several = found.prediction !== null && typeof found.prediction === "object";
  const value = several
    ? h("div", {}, Object.entries(found.prediction).map(([name, part]) => h("p", {}, h("span", { class: "muted" }, `${name} `), h("strong", { class: "num" }, predicted(part)))))
    : h("p", { class: "answer-value" }, predicted(found.prediction));
  return [
    h("div", {}, h("p", { class: "small muted" }, "Prediction"), value),
    h("div", { class: "chips" }, tag(`version ${found.model_version}`), tag(`${milliseconds.toFixed(0)} ms`),
      found.confidence === undefined ? null : tag(`confidence ${(found.confidence * 100).toFixed(1)} %`, "is-accent")),
    found.probabilities ? shares(found.probabilities) : null,
    h("details", {}, h("summary", {}, "Answer as JSON"), h("pre", {}, JSON.stringify(found, null, 2))),
  ].filter(Boolean);
}

function shares(probabilities) {
  const ordered = Object.entries(probabilities).sort(([, a], [, b]) => b - a).slice(0, 10);
  return h("div", { class: "shares" }, ordered.map(([label, share]) => h("div", { class: "share" },
    h("span", {}, label),
    h("div", { class: "track is-accent" }, h("div", { class: "bar", style: { left: "0", width: `${share * 100}%` } })),
    h("span", { class: "num" }, `${(share * 100).toFixed(1)} %`))));
}

function curl(path, row) {
  const url = new URL(path, document.baseURI).href;
  const key = person() ? ` -H "X-API-Key: $MILLRACE_API_KEY"` : "";
  return `curl -s -X POST ${url}${key} -H 'Content-Type: application/json' -d '${JSON.stringify(row).replaceAll("'", "'\\''")}'`;
}
