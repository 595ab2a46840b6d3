// The forecasts of a pipeline: one series at a time, with its interval and what turned out to be true.
import { get } from "../api.js";
import { h } from "../dom.js";
import { ago, count, exact, measure, momentOf, zoneOf } from "../format.js";
import { lineChart } from "../line.js";
import { mix } from "../mix.js";
import { empty, facts, notice, pageHead, section, table, tag } from "../parts.js";

export const tab = "forecasts";
export const title = ({ pipeline }) => (pipeline ? `Forecasts of ${pipeline}` : "Forecasts");
export const pause = () => 15000;
const MOST = 2000;

export async function load({ pipeline: asked, series: wanted, origin }) {
  const { pipelines } = await get("api/v1/pipelines");
  const names = pipelines.filter(({ task }) => task === "forecast").map(({ name }) => name);
  const pipeline = asked ?? names[0];
  if (!pipeline) return { names };
  const { series: all } = await get(`api/v1/forecasts/series?${new URLSearchParams({ pipeline })}`);
  const series = wanted ?? all[0];
  if (!all.length) return { names, pipeline, all };
  const { origins } = await get(`api/v1/forecasts/origins?${new URLSearchParams({ pipeline, series })}`);
  const asking = new URLSearchParams([["pipeline", pipeline], ["series", series], ["limit", MOST], ...(origin ? [["origin", origin]] : since(origins))]);
  return { names, pipeline, all, series, origins, ...(await get(`api/v1/forecasts?${asking}`)) };
}

/** Without a chosen forecast: the newest of each time, over the newest forecasts that are listed. */
const since = (origins) => (origins.length ? [["from", origins.at(-1).from]] : []);

export function draw(answer, parameters) {
  const { names, pipeline, all = [], series, origins = [], forecasts = [], target } = answer;
  if (!pipeline) return [pageHead("Forecasts"), empty("No pipeline forecasts yet", "A spec with task: forecast makes forecasts ahead.", "millrace run city-energy-demand")];
  const head = pageHead("Forecasts", all.length > 1 ? series : null, pickers(names, pipeline, all, series, origins, parameters));
  if (!all.length) return [head, empty("No forecast yet", "A run whose version becomes the champion makes one.", `millrace run ${pipeline}`)];
  if (!forecasts.length) return [head, empty("No such forecast", "Choose another series or another forecast above.")];
  const points = forecasts.map((one) => ({ at: one.timestamp, value: one[target], low: one.confidence_lower, high: one.confidence_upper, actual: one.actual, level: one.level }));
  return [
    head,
    forecasts.length === MOST ? notice("is-warn", null, [`Only the first ${count(MOST)} values are shown. Choose one forecast above.`]) : null,
    overview(points, forecasts, pipeline),
    section(target, [forecasts[0].level ? null : "No interval was asked for. ", zoneOf(points) ? `Times in ${zoneOf(points)}.` : null], lineChart(target, points)),
    mix(forecasts),
    section("Values", null, values(points, forecasts, target)),
  ];
}

function overview(points, forecasts, pipeline) {
  const judged = points.filter(({ actual }) => Number.isFinite(actual));
  const within = judged.filter(({ low, high }) => Number.isFinite(low)).map(({ actual, low, high }) => low <= actual && actual <= high);
  const versions = [...new Set(forecasts.map((one) => one.model_version))];
  const newest = forecasts.map((one) => one.made_at).sort().at(-1);
  return facts([
    [versions.length > 1 ? "Versions" : "Version", h("a", { href: `#/models/${encodeURIComponent(pipeline)}` }, versions.join(", "))],
    ["Made", ago(newest)],
    ["Values", count(points.length), judged.length ? `${count(judged.length)} true ones known` : null],
    judged.length ? ["Mean error", measure(judged.reduce((sum, { value, actual }) => sum + Math.abs(value - actual), 0) / judged.length), "absolute"] : null,
    within.length ? ["Within the interval", `${Math.round((100 * within.filter(Boolean).length) / within.length)} %`, `${Math.round(100 * points[0].level)} % promised`] : null,
  ]);
}

function values(points, forecasts, target) {
  return h("details", {}, h("summary", {}, `All ${count(points.length)} values`),
    table("Values", [["Time", "nowrap"], [target, "num"], ["From", "num"], ["To", "num"], ["True value", "num"], ["Version", "num"], ["Forecast of", "nowrap"]],
      points.map((point, index) => [momentOf(points, point.at), measure(point.value), measure(point.low), measure(point.high),
        Number.isFinite(point.actual) ? h("span", {}, measure(point.actual), outside(point) ? tag("outside", "is-warn") : null) : "–",
        forecasts[index].model_version, exact(forecasts[index].made_at)])));
}

const outside = ({ actual, low, high }) => Number.isFinite(low) && (actual < low || actual > high);

function pickers(names, pipeline, all, series, origins, { origin }) {
  const known = names.includes(pipeline) ? names : [...names, pipeline];
  return h("div", { class: "filters" },
    choose("pipeline", "Pipeline", known.map((name) => [name, name]), pipeline, (value) => ({ pipeline: value })),
    all.length > 1 ? choose("series", "Series", all.map((name) => [name, name]), series, (value) => ({ pipeline, series: value })) : null,
    origins.length ? choose("origin", "Forecast", [["", "Newest of each time"], ...origins.map((one) => [one.origin, `From ${momentOf([{ at: one.from }], one.from)}, version ${one.model_version}`])],
      origin ?? "", (value) => ({ pipeline, ...(series === undefined ? {} : { series }), ...(value ? { origin: value } : {}) })) : null);
}

function choose(id, label, choices, present, where) {
  const go = (event) => { location.hash = `#/forecasts?${new URLSearchParams(where(event.target.value))}`; };
  return h("select", { id: `by-${id}`, "aria-label": label, onchange: go }, choices.map(([value, text]) => h("option", { value, selected: value === present }, text || "(one series)")));
}
