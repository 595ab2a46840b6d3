// A forecast as a line with its interval and what turned out to be true.
import { BOTTOM, HEIGHT, TOP, plane, timeScale, valueScale } from "./axes.js";
import { chart } from "./chart.js";
import { h, svg } from "./dom.js";
import { measure } from "./format.js";

/** `points` are { at, value, low, high, actual }, in the order of time; low, high and actual may be null. */
export function lineChart(name, points) {
  const values = points.map(({ value }) => value);
  return chart(name, points, {
    legend: legend(points),
    drawing: (width, chosen) => drawing(points, width, chosen),
    told: (point) => `${measure(point.value)}${between(point)}${truth(point)}`,
    summary: `lowest ${measure(Math.min(...values))}, highest ${measure(Math.max(...values))}`,
  });
}

function drawing(points, width, chosen) {
  const x = timeScale(points, width), px = (point) => x.to(Date.parse(point.at));
  const y = valueScale(points.flatMap(({ value, low, high, actual }) => [value, low, high, actual]).filter(Number.isFinite));
  return plane(points, width, y,
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
