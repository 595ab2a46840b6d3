// The scales, lines and words around a drawing over time.
import { svg } from "./dom.js";
import { axisMoment, measure } from "./format.js";

export const HEIGHT = 300, TOP = 14, BOTTOM = 30, LEFT = 62, RIGHT = 14;

export const timeScale = (points, width) => scaleOf(points.map(({ at }) => Date.parse(at)), LEFT, width - RIGHT);
export const valueScale = (values, margin = 0.06) => scaleOf(values, HEIGHT - BOTTOM, TOP, margin);

/** A drawing of this width between its axes; `content` are what stands in it. */
export function plane(points, width, y, ...content) {
  const x = timeScale(points, width);
  return svg("svg", { width, height: HEIGHT, "aria-hidden": "true" },
    y.ticks.map((tick) => svg("g", {}, svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y.to(tick), y2: y.to(tick) }),
      svg("text", { x: LEFT - 8, y: y.to(tick) + 4, "text-anchor": "end" }, measure(tick)))),
    moments(points, width).map((index) =>
      svg("text", { x: x.to(Date.parse(points[index].at)), y: HEIGHT - 8, "text-anchor": "middle" }, axisMoment(points, points[index].at))),
    content);
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
