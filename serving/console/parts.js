// The parts that several views are made of.
import { h } from "./dom.js";
import { words } from "./format.js";

const LOOKS = {
  success: ["is-good", "Success"], running: ["is-busy", "Running"], queued: ["", "Queued"],
  failed: ["is-bad", "Failed"], killed: ["is-bad", "Killed"],
  serving: ["is-good", "Serving"], stale: ["is-warn", "Older version serves"], waiting: ["", "Not serving"], forecasting: ["is-good", "Forecasting"],
  withdrawn: ["is-warn", "Serving, alias gone"], healthy: ["is-good", "Healthy"], partial: ["is-warn", "Partly away"],
  unhealthy: ["is-bad", "Unhealthy"],
};

export const look = (state) => (LOOKS[state] ?? ["", words(state)])[0];

export function badge(state, instead = null) {
  const [kind, usual] = LOOKS[state] ?? ["", words(state)];
  return h("span", { class: `badge ${kind}` }, h("span", { class: "dot" }), instead ?? usual);
}

export const tag = (text, kind = "") => h("span", { class: `badge plain ${kind}` }, text);

export function pageHead(title, lead, ...rest) {
  return h("div", { class: "page-head" },
    h("div", {}, h("h1", { tabindex: "-1" }, title), lead ? h("p", { class: "lead" }, lead) : null), ...rest);
}

export function section(title, aside, ...content) {
  return h("section", { class: "section", "aria-label": title, key: `section ${title}` },
    h("div", { class: "section-head" }, h("h2", {}, title), aside ? h("div", { class: "aside" }, aside) : null), ...content);
}

/** What to show where there is nothing yet: what it would be, and the command that makes it. */
export function empty(title, text, command) {
  return h("div", { class: "card empty" }, h("h2", {}, title), text ? h("p", {}, text) : null,
    command ? commandLine(command) : null);
}

export function commandLine(text) {
  return h("div", { class: "command" }, h("code", {}, text), copyButton(text));
}

export function copyButton(text) {
  return h("button", { type: "button", class: "button copy", onclick: (event) => copy(event.currentTarget, text) }, "Copy");
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select and copy";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
}

export function notice(kind, title, sentences) {
  if (!sentences.length) return null;
  return h("div", { class: `notice ${kind}`, role: kind === "is-bad" ? "alert" : null },
    title ? h("strong", {}, title) : null,
    sentences.length === 1 ? h("p", {}, sentences[0]) : h("ul", {}, sentences.map((text) => h("li", {}, text))));
}

/** So many columns stand side by side on a telephone too. */
const SLIM = 4;

/** A table: columns are [title, class]; rows are arrays of cells, or {key, class, cells}. A row of the class "stacked" stands as a block of its own on a narrow screen. */
export function table(caption, columns, rows) {
  const cell = (content, index) => h("td", { class: columns[index][1] ?? null, "data-title": columns[index][0] }, content ?? "–");
  return h("div", { class: "card" }, h("div", { class: "table-wrap" }, h("table", { class: columns.length <= SLIM ? "slim" : null },
    h("caption", { class: "visually-hidden" }, caption),
    h("thead", {}, h("tr", {}, columns.map(([title, kind]) => h("th", { scope: "col", class: kind ?? null }, title)))),
    h("tbody", {}, rows.map((row) => h("tr", { class: row.class ?? null, key: row.key }, (row.cells ?? row).map(cell)))))));
}

export function facts(pairs) {
  return h("dl", { class: "facts card" },
    pairs.filter(Boolean).map(([name, value, small]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value, small ? h("small", {}, " ", small) : null))));
}
