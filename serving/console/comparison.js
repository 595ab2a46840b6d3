// The candidates side by side on the same held-out rows, with intervals, and what was decided.
import { checks } from "./decisions.js";
import { h, svg } from "./dom.js";
import { measure, words } from "./format.js";
import { section, table, tag } from "./parts.js";

export function comparison(run) {
  const { candidates } = run;
  if (!candidates.length) return null;
  const names = [...new Set(candidates.flatMap(({ metrics }) => Object.keys(metrics ?? {})))];
  const metric = run.metric ?? names[0];
  const shown = [metric, ...names.filter((name) => name !== metric)].slice(0, 4);
  const before = run.champion_before;
  const scale = scaleOf(before ? [...candidates, before] : candidates, metric);
  const columns = [["Candidate"], ...shown.map((name) => [words(name), "num"]), ...(scale ? [[`${words(metric)}, 95 % interval`]] : [])];
  const rows = candidates.map((candidate) => ({
    class: candidate.name === run.best ? "best" : null,
    cells: [
      h("div", {}, h("span", { class: "expectation" }, candidate.name), " ",
        candidate.name === run.best ? tag("best", "is-good") : null,
        candidate.estimator && candidate.estimator !== candidate.name ? h("div", { class: "small muted" }, candidate.estimator) : null),
      ...shown.map((name) => measure(candidate.metrics?.[name])),
      ...(scale ? [whiskers(candidate, metric, scale)] : []),
    ],
  }));
  if (before?.metrics) {
    rows.push([h("div", {}, h("span", { class: "expectation" }, `Champion before`), h("div", { class: "small muted" }, `version ${before.version}`)),
      ...shown.map((name) => measure(before.metrics[name])), ...(scale ? [whiskers(before, metric, scale)] : [])]);
  }
  const body = table("Candidates compared", columns, rows);
  if (run.reason) {
    body.append(h("p", { class: "verdict" }, run.reason), checks(run.decision?.checks ?? []));
  }
  return section("Candidates", "Scored on the same held-out rows; the best was chosen by cross-validation.", body);
}

/** Low and high ends of an interval, however the record writes it. */
function ends(candidate, metric) {
  const found = candidate.intervals?.[metric];
  if (Array.isArray(found)) return found;
  return found ? [found.low ?? found.lower, found.high ?? found.upper] : null;
}

/** The scale of the interval plot: the baseline would squeeze the others together, so it may lie beyond. */
function scaleOf(candidates, metric) {
  const fitted = candidates.filter(({ estimator }) => estimator !== "dummy");
  const values = (fitted.length ? fitted : candidates).flatMap((candidate) => ends(candidate, metric) ?? []).filter(Number.isFinite);
  if (!values.length) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { low, span: high - low || 1 };
}

function whiskers(candidate, metric, { low, span }) {
  const interval = ends(candidate, metric);
  const value = candidate.metrics?.[metric];
  if (!interval || !Number.isFinite(value)) return null;
  if (interval[0] > low + span || interval[1] < low) return h("span", { class: "small muted" }, "beyond this scale");
  const x = (number) => Math.max(2, Math.min(98, 4 + ((number - low) / span) * 92));
  const text = `${measure(value)}, between ${measure(interval[0])} and ${measure(interval[1])}`;
  return svg("svg", { class: "whiskers", role: "img", "aria-label": text },
    svg("title", {}, text),
    svg("line", { class: "guide", x1: "0%", x2: "100%", y1: 13, y2: 13 }),
    svg("line", { x1: `${x(interval[0])}%`, x2: `${x(interval[1])}%`, y1: 13, y2: 13 }),
    svg("circle", { cx: `${x(value)}%`, cy: 13, r: 5 }));
}
