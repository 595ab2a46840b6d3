// Lets work wait while nobody looks. What waits is done once, however often it was asked for.
const waiting = new Set();

/** Do it now, or as soon as the page is looked at again. */
export function whenVisible(work) {
  if (document.hidden) waiting.add(work);
  else work();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  const due = [...waiting];
  waiting.clear();
  for (const work of due) work();
});
