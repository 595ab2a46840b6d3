// Brings a page up to what was drawn anew, in place: what a reader has focused, opened, chosen, scrolled or marked stays.
// It knows nothing of views. Handlers are taken over, so they must find elements by their event or by id.
import { adopt, keepOf, keyOf } from "./dom.js";

/** Makes the children of `place` those of `wanted`; an element is the same one when tag, key and `keep` are. */
export function redraw(place, wanted) {
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  const known = new Map([...place.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let at = place.firstChild;
  const drop = () => { const next = at.nextSibling; at.remove(); at = next; };
  for (const next of wanted) {
    const key = keyOf(next), target = key && known.get(key);
    while (at && at !== target && (target || keyOf(at)) && !keys.has(keyOf(at))) drop();
    const present = key ? target : at;
    known.delete(key);
    if (!present || !isSame(present, next)) {
      place.insertBefore(next, at);
      if (target && target === at) drop();
      else target?.remove();
      continue;
    }
    if (present === at) at = at.nextSibling;
    else place.insertBefore(present, at);
    update(present, next);
  }
  while (at) drop();
}

const isSame = (old, next) => old.nodeName === next.nodeName && keyOf(old) === keyOf(next) && keepOf(old) === keepOf(next);

function update(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (keepOf(old) !== null) return;
  attributes(old, next);
  adopt(old, next);
  redraw(old, [...next.childNodes]);
  if (old.nodeName === "SELECT" && old !== document.activeElement) old.value = next.value;
}

function attributes(old, next) {
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !isReaders(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) === value) continue;
    if (name === "style") old.style.cssText = next.style.cssText; // as an attribute the security policy forbids it
    else old.setAttribute(name, value);
  }
}

/** What the reader has set: parts that are open. */
const isReaders = (element, name) => element.nodeName === "DETAILS" && name === "open";
