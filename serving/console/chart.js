// A drawing over time that is drawn anew for each width, and read by mouse or keys.
import { LEFT, timeScale } from "./axes.js";
import { h } from "./dom.js";
import { momentOf } from "./format.js";

/**
 * `points` have an `at` each, in the order of time. `drawing(width, chosen)` makes the picture, `told(point)` says what a
 * point holds, `summary` what all of it shows to whoever does not see it.
 */
export function chart(name, points, { legend, drawing, told, summary }) {
  const said = h("p", { class: "chart-told small num", "aria-live": "polite" });
  const place = h("div", { class: "chart", tabindex: "0", role: "img", "aria-label": `${name}: ${spanOf(points)}, ${summary}. Arrow keys go through the values.` });
  let chosen = null, width = 0;
  const draw = () => { if (width) place.replaceChildren(drawing(width, chosen)); };
  const choose = (index) => {
    chosen = index === null ? null : Math.max(0, Math.min(points.length - 1, index));
    said.replaceChildren(chosen === null ? "" : `${momentOf(points, points[chosen].at)}: ${told(points[chosen])}`);
    draw();
  };
  place.addEventListener("pointermove", (event) => choose(nearest(points, event.clientX - place.getBoundingClientRect().left, width)));
  place.addEventListener("pointerleave", () => choose(null));
  place.addEventListener("blur", () => choose(null));
  place.addEventListener("keydown", (event) => {
    const next = { ArrowRight: (chosen ?? -1) + 1, ArrowLeft: (chosen ?? points.length) - 1, Home: 0, End: points.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
  });
  new ResizeObserver(([entry]) => { width = Math.max(LEFT * 2, Math.round(entry.contentRect.width)); draw(); }).observe(place);
  return h("div", { class: "card chart-card", keep: JSON.stringify([name, points]) }, legend, place, said);
}

const spanOf = (points) => `${points.length} values from ${momentOf(points, points[0].at)} to ${momentOf(points, points.at(-1).at)}`;

function nearest(points, offset, width) {
  const x = timeScale(points, width), far = (point) => Math.abs(x.to(Date.parse(point.at)) - offset);
  return points.reduce((best, point, index) => (far(point) < far(points[best]) ? index : best), 0);
}
