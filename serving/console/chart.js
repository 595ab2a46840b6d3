// A line over time with its interval and what turned out to be true: drawn anew for each width, read by mouse or keys.
import { h, svg } from "./dom.js";
import { axisMoment, measure, momentOf } from "./format.js";

const HEIGHT = 300, TOP = 14, BOTTOM = 30, LEFT = 62, RIGHT = 14;

/** `points` are { at, value, low, high, actual }, in the order of time; low, high and actual may be null. */
export function lineChart(name, points) {
  const told = h("p", { class: "chart-told small num", "aria-live": "polite" });
  const place = h("div", { class: "chart", tabindex: "0", role: "img", "aria-label": `${name}: ${summary(points)}. Arrow keys go through the values.` });
  const state = { chosen: null, width: 0 };
  const redraw = () => { if (state.width) place.replaceChildren(drawing(points, state)); };
  const choose = (index) => {
    state.chosen = index === null ? null : Math.max(0, Math.min(points.length - 1, index));
    told.replaceChildren(state.chosen === null ? "" : sentence(points, points[state.chosen]));
    redraw();
  };
  place.addEventListener("pointermove", (event) => choose(nearest(points, event.offsetX, state.width)));
  place.addEventListener("pointerleave", () => choose(null));
  place.addEventListener("blur", () => choose(null));
  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(state.chosen === null ? (step > 0 ? 0 : points.length - 1) : state.chosen + step);
  });
  new ResizeObserver(([entry]) => { state.width = Math.round(entry.contentRect.width); redraw(); }).observe(place);
  return h("div", { class: "card chart-card" }, legend(points), place, told);
}

function drawing(points, { width, chosen }) {
  const x = scaleOf(points.map(({ at }) => Date.parse(at)), LEFT, width - RIGHT);
  const y = scaleOf(points.flatMap(({ value, low, high, actual }) => [value, low, high, actual]).filter(Number.isFinite), HEIGHT - BOTTOM, TOP, 0.06);
  const px = (point) => x.to(Date.parse(point.at));
  return svg("svg", { width, height: HEIGHT, "aria-hidden": "true" },
    y.ticks.map((tick) => svg("g", {}, svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y.to(tick), y2: y.to(tick) }),
      svg("text", { x: LEFT - 8, y: y.to(tick) + 4, "text-anchor": "end" }, measure(tick)))),
    moments(points, width).map((index) => svg("text", { x: px(points[index]), y: HEIGHT - 8, "text-anchor": "middle" }, axisMoment(points, points[index].at))),
    band(points.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high)), px, y.to),
    svg("path", { class: "line", d: path(points, px, (point) => y.to(point.value)) }),
    points.length === 1 ? svg("circle", { class: "dot-line", cx: px(points[0]), cy: y.to(points[0].value), r: 4 }) : null,
    svg("g", { class: "truth" }, runsOf(points).map((run) => svg("path", { d: path(run, px, (point) => y.to(point.actual)) })),
      points.length < 80 ? points.filter(({ actual }) => Number.isFinite(actual)).map((point) => svg("circle", { cx: px(point), cy: y.to(point.actual), r: 3 })) : null),
    chosen === null ? null : svg("g", { class: "chosen" }, svg("line", { x1: px(points[chosen]), x2: px(points[chosen]), y1: TOP, y2: HEIGHT - BOTTOM }),
      svg("circle", { cx: px(points[chosen]), cy: y.to(points[chosen].value), r: 5 })));
}

function band(points, px, py) {
  if (points.length < 2) return null;
  const upper = points.map((point) => `${px(point)},${py(point.high)}`), lower = points.map((point) => `${px(point)},${py(point.low)}`).reverse();
  return svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") });
}

const path = (points, px, py) => points.map((point, index) => `${index ? "L" : "M"}${px(point).toFixed(1)},${py(point).toFixed(1)}`).join("");

/** The true values without their gaps: no line is drawn over what is not known. */
function runsOf(points) {
  const runs = [[]];
  for (const point of points) {
    if (Number.isFinite(point.actual)) runs.at(-1).push(point);
    else if (runs.at(-1).length) runs.push([]);
  }
  return runs.filter((run) => run.length > 1);
}

function scaleOf(values, from, to, margin = 0) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const spare = (high - low || Math.abs(high) || 1) * margin;
  [low, high] = [low - (low >= 0 && low - spare < 0 ? low : spare), high + spare];
  const span = high - low || 1;
  return { to: (value) => from + ((value - low) / span) * (to - from), ticks: ticksOf(low, low + span) };
}

function ticksOf(low, high) {
  const rough = (high - low) / 5, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((one) => one >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** The places of the times that are written below. */
function moments(points, width) {
  const most = Math.max(2, Math.floor((width - LEFT) / 120)), every = Math.max(1, Math.ceil(points.length / most));
  return points.map((_, index) => index).filter((index) => index % every === Math.floor(every / 2) || points.length <= 2);
}

function nearest(points, offset, width) {
  const x = scaleOf(points.map(({ at }) => Date.parse(at)), LEFT, width - RIGHT);
  const far = (point) => Math.abs(x.to(Date.parse(point.at)) - offset);
  return points.reduce((best, point, index) => (far(point) < far(points[best]) ? index : best), 0);
}

function legend(points) {
  const has = (name) => points.some((point) => Number.isFinite(point[name]));
  const level = points.find((point) => point.level)?.level;
  return h("div", { class: "legend small" },
    h("span", {}, h("i", { class: "key line" }), "Forecast"),
    has("low") ? h("span", {}, h("i", { class: "key band" }), level ? `${Math.round(100 * level)} % interval` : "Interval") : null,
    has("actual") ? h("span", {}, h("i", { class: "key truth" }), "True value") : null);
}

const between = ({ low, high }) => (Number.isFinite(low) && Number.isFinite(high) ? `, between ${measure(low)} and ${measure(high)}` : "");
const truth = ({ actual }) => (Number.isFinite(actual) ? `; it was ${measure(actual)}` : "");
const sentence = (points, point) => `${momentOf(points, point.at)}: ${measure(point.value)}${between(point)}${truth(point)}`;

function summary(points) {
  const values = points.map(({ value }) => value);
  return `${points.length} values from ${momentOf(points, points[0].at)} to ${momentOf(points, points.at(-1).at)}, lowest ${measure(Math.min(...values))}, highest ${measure(Math.max(...values))}`;
}
