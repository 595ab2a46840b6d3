// Who meets a forecast demand: the outputs of the sources upon one another, their shares, and the limits that gave way.
import { BOTTOM, HEIGHT, TOP, plane, timeScale, valueScale } from "./axes.js";
import { chart } from "./chart.js";
import { h, svg } from "./dom.js";
import { measure, momentOf } from "./format.js";
import { notice, section, table } from "./parts.js";

const COLOURS = 10, MOST_CONFLICTS = 5;
const sum = (values) => values.reduce((total, value) => total + value, 0);
const colour = (index) => `mix mix-${index % COLOURS}`;

/** The section of forecasts that were shared out; nothing where none was. */
export function mix(forecasts) {
  const points = forecasts.filter(({ allocation }) => allocation).map((one) => ({ at: one.timestamp, ...one.allocation }));
  if (!points.length) return null;
  const names = [...new Set(points.flatMap(({ outputs }) => Object.keys(outputs)))];
  const of = (point, name) => point.outputs[name] ?? 0, total = sum(points.flatMap(({ outputs }) => Object.values(outputs)));
  return section("Who meets it", "What one more MWh would cost stands beside each time.",
    conflicts(points),
    chart("Output of each source", points, {
      legend: null,
      drawing: (width, chosen) => drawing(points, names, width, chosen),
      told: (point) => [...names.filter((name) => of(point, name) > 0).map((name) => `${name} ${measure(of(point, name))}`), `one more MWh ${measure(point.price)}`].join(" · "),
      summary: `${names.length} sources`,
    }),
    table("Sources", [["Source"], ["Share", "num"], ["Mean output", "num"], ["Highest", "num"]], names.map((name, index) => {
      const outputs = points.map((point) => of(point, name));
      return { key: name, cells: [h("span", { class: "legend" }, h("span", {}, h("i", { class: `key block ${colour(index)}` }), name)),
        `${((100 * sum(outputs)) / (total || 1)).toFixed(1)} %`, measure(sum(outputs) / points.length), measure(Math.max(...outputs))] };
    })));
}

/** The sources from below in the order of the spec, each on top of those before it. */
function drawing(points, names, width, chosen) {
  const x = timeScale(points, width), px = (point) => x.to(Date.parse(point.at)).toFixed(1);
  const layers = [points.map(() => 0)];
  for (const name of names) layers.push(points.map((point, index) => layers.at(-1)[index] + (point.outputs[name] ?? 0)));
  const y = valueScale([0, ...layers.at(-1)], 0.03);
  const edge = (layer) => points.map((point, index) => `${px(point)},${y.to(layer[index]).toFixed(1)}`);
  return plane(points, width, y,
    names.map((name, index) => svg("polygon", { class: colour(index), points: [...edge(layers[index + 1]), ...edge(layers[index]).reverse()].join(" ") })),
    chosen === null ? null : svg("g", { class: "chosen" }, svg("line", { x1: px(points[chosen]), x2: px(points[chosen]), y1: TOP, y2: HEIGHT - BOTTOM })));
}

function conflicts(points) {
  const told = points.flatMap((point) => (point.conflicts ?? []).map((one) => `${momentOf(points, point.at)}: ${one}`));
  const further = told.length - MOST_CONFLICTS;
  return notice("is-warn", "Not every limit could be kept", [...told.slice(0, MOST_CONFLICTS), ...(further > 0 ? [`${further} more.`] : [])]);
}
