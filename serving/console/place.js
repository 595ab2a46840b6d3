// Remembers how far down each page of the history was read: a reload and the way back find it again.
const SETTLED_MS = 150;
let timer = 0;

history.scrollRestoration = "manual"; // the pages are drawn later than the browser would scroll

/** How far down the present page of the history was read; 0 for a new one. */
export const placeRead = () => history.state?.y ?? 0;

addEventListener("scroll", () => {
  clearTimeout(timer);
  timer = setTimeout(() => history.replaceState({ ...history.state, y: window.scrollY }, ""), SETTLED_MS);
}, { passive: true });
