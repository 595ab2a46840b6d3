// Makes elements. Text is always text: nothing that comes from data is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("a", {href, class, onclick}, ...children); null and false children are left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A link to another program: in a new tab, without a way back to this window. */
export function outside(href, text) {
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text, " ↗") : null;
}
