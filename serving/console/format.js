// Writes numbers, times and names for people.
import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en");
const moment = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

export const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));

/** A measured number with four significant digits; large ones in full. */
export function measure(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) || Math.abs(value) >= 10000) return whole.format(Math.round(value));
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** A predicted value: nothing of it is rounded away that a person could want. */
export function predicted(value) {
  if (typeof value === "number") return value.toLocaleString("en", { maximumSignificantDigits: 7 });
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.9995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds), minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes} min ${String(rounded % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function secondsBetween(start, end) {
  if (!start) return null;
  return Math.max(0, ((end ? new Date(end) : new Date()) - new Date(start)) / 1000);
}

/** How long it took from one moment to another; to now, and counting, where there is no other. */
export function lasting(start, end) {
  if (!start) return "–";
  const text = duration(secondsBetween(start, end));
  return end ? text : h("span", { "data-since": start }, text);
}

/** "3 minutes ago", with the exact time on hover. */
export function ago(iso) {
  if (!iso) return h("span", { class: "muted" }, "–");
  return h("time", { datetime: iso, title: moment.format(new Date(iso)) }, elapsed(iso));
}

export function elapsed(iso) {
  const seconds = (Date.now() - new Date(iso)) / 1000;
  if (seconds < -45) return ahead(-seconds);
  if (seconds < 45) return "just now";
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const amount = Math.round(seconds / size);
    if (seconds >= size * 0.9) return `${amount} ${unit}${amount === 1 ? "" : "s"} ago`;
  }
  return "1 minute ago";
}

function ahead(seconds) {
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const amount = Math.round(seconds / size);
    if (seconds >= size * 0.9) return `in ${amount} ${unit}${amount === 1 ? "" : "s"}`;
  }
  return "in 1 minute";
}

export const exact = (iso) => (iso ? moment.format(new Date(iso)) : "–");

/** The readable part of a run id: what follows the pipeline's name. */
export const shortRun = (run) => run.run_id.replace(`${run.pipeline}--`, "");

export const words = (name) => name.replaceAll("_", " ");

const DAY = { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" };
const onDays = (points) => points.every(({ at }) => /T00:00:00(\.0+)?(Z|\+00:00)$/.test(at));
const onYears = (points) => points.every(({ at }) => /-01-01T00:00:00(\.0+)?(Z|\+00:00)$/.test(at));

/** The time of a point as its series counts: years and days as they are written, hours in the reader's zone. */
export function momentOf(points, iso) {
  if (onYears(points)) return iso.slice(0, 4);
  if (onDays(points)) return new Date(iso).toLocaleDateString(undefined, DAY);
  return moment.format(new Date(iso));
}

/** In which zone the hours of a series are written; nothing for days and years. */
export const zoneOf = (points) => (onDays(points) ? null : Intl.DateTimeFormat().resolvedOptions().timeZone);

/** A moment short enough for an axis. */
export function axisMoment(points, iso) {
  if (onYears(points)) return iso.slice(0, 4);
  if (onDays(points)) return new Date(iso).toLocaleDateString(undefined, { ...DAY, year: undefined });
  return new Date(iso).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}
