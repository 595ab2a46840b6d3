// Makes elements. Text is always text: nothing that comes from data is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";
const HANDLERS = Symbol("handlers"), KEY = Symbol("key"), KEEP = Symbol("keep");

/**
 * An element: h("a", {href, class, onclick}, ...children); null and false children are left out.
 * `key` says which element of an earlier drawing it is; `keep` that it minds itself as long as that text is the same.
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export const keyOf = (node) => node[KEY] ?? (node.id || null);
export const keepOf = (node) => node[KEEP] ?? null;

/** Gives an element the handlers of a later drawing of itself. */
export function adopt(element, later) {
  const types = new Set([...Object.keys(element[HANDLERS] ?? {}), ...Object.keys(later[HANDLERS] ?? {})]);
  for (const type of types) handle(element, type, later[HANDLERS]?.[type]);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "key") element[KEY] = value;
    else if (name === "keep") element[KEEP] = value;
    else if (name.startsWith("on")) handle(element, name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function handle(element, type, handler) {
  const known = (element[HANDLERS] ??= {});
  if (!(type in known)) element.addEventListener(type, (event) => known[type]?.(event));
  known[type] = handler;
}

/** A link to another program: in a new tab, without a way back to this window. */
export function outside(href, text) {
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text, " ↗") : null;
}
