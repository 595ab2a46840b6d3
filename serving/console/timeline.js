// The stages of a run on one scale of time: when each began, how long it took, how it ended.
import { h } from "./dom.js";
import { duration, lasting, secondsBetween, words } from "./format.js";
import { look } from "./parts.js";

const ORDER = ["extract", "validate", "transform", "load", "train", "evaluate", "register", "promote", "forecast", "score"];
const place = (stage) => ORDER.indexOf(stage.name.split(":")[0]);

export function timeline({ timeline: stages, error }) {
  const ordered = [...stages].sort((a, b) => place(a) - place(b) || (a.started_at < b.started_at ? -1 : 1));
  const begun = ordered.filter((stage) => stage.started_at);
  const alone = begun.filter((stage) => stage.name !== "promote"), scaled = alone.length ? alone : begun; // a person answers days later: it would squeeze the others
  const begins = Math.min(...scaled.map((stage) => new Date(stage.started_at)));
  const ends = Math.max(...scaled.map((stage) => (stage.finished_at ? new Date(stage.finished_at) : Date.now())));
  const span = Math.max(ends - begins, 1);
  return h("ol", { class: "card timeline" }, ordered.map((stage) => row(stage, begins, span, error)));
}

function row(stage, begins, span, told) {
  const [name, candidate] = stage.name.split(":");
  const isGoing = stage.started_at && !stage.finished_at;
  const seconds = stage.seconds ?? secondsBetween(stage.started_at, stage.finished_at) ?? 0;
  const kind = look(stage.status);
  const left = Math.max(0, Math.min(99, ((new Date(stage.started_at) - begins) / span) * 100)); // the promotion may lie beyond
  const width = Math.min(100 - left, ((seconds * 1000) / span) * 100);
  return h("li", { class: "stage", key: stage.name },
    h("div", { class: `stage-name ${candidate ? "part" : ""}` },
      h("span", { class: kind }, h("span", { class: "dot" })),
      h("span", {}, candidate ? ["train ", h("span", { class: "name" }, words(candidate))] : name, marks(stage)),
      h("span", { class: "visually-hidden" }, stage.status)),
    h("div", { class: `track ${kind}` },
      stage.started_at ? h("div", { class: "bar", style: { left: `${left}%`, width: `${width}%` } }) : null),
    h("div", { class: "stage-time" }, isGoing ? lasting(stage.started_at, null) : stage.started_at ? duration(seconds) : "–"),
    stage.error && stage.error.message !== told?.message ? h("div", { class: "stage-note is-bad" }, stage.error.message) : null);
}

function marks(stage) {
  const told = [stage.reused ? "reused, unchanged" : null, stage.attempt > 1 ? `attempt ${stage.attempt}` : null].filter(Boolean);
  return told.length ? h("div", { class: "stage-marks" }, told.join(" · ")) : null;
}
