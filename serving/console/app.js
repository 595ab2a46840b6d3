// Chooses the view by the address, keeps it fresh, and shows the service's health.
import { can, learned, onAbilities } from "./abilities.js";
import { Refusal, get } from "./api.js";
import { h } from "./dom.js";
import { elapsed } from "./format.js";
import { commandLine, look, notice } from "./parts.js";
import * as access from "./views/access.js";
import * as alerts from "./views/alerts.js";
import * as checks from "./views/checks.js";
import * as decisions from "./views/decisions.js";
import * as forecasts from "./views/forecasts.js";
import * as health from "./views/health.js";
import * as model from "./views/model.js";
import * as models from "./views/models.js";
import * as pipelines from "./views/pipelines.js";
import * as run from "./views/run.js";
import * as runs from "./views/runs.js";
import * as spec from "./views/spec.js";
import * as signin from "./views/signin.js";
import { onPerson, person, signOut } from "./session.js";

// A view: tab and title; load(parameters) asks the service; draw(answer, parameters) makes elements;
// pause(answer) says in how many milliseconds to ask again, 0 for never.
const ROUTES = [
  [/^\/pipelines$/, pipelines], [/^\/new-pipeline$/, spec], [/^\/pipelines\/(?<name>[^/]+)\/spec$/, spec],
  [/^\/runs$/, runs], [/^\/runs\/(?<id>[^/]+)$/, run],
  [/^\/models$/, models], [/^\/models\/(?<name>[^/]+)$/, model], [/^\/models\/(?<name>[^/]+)\/decisions$/, decisions],
  [/^\/models\/(?<name>[^/]+)\/checks$/, checks],
  [/^\/forecasts$/, forecasts], [/^\/alerts$/, alerts], [/^\/access$/, access], [/^\/health$/, health], [/^\/sign-in$/, signin],
];
const main = document.getElementById("main");
let shown = { token: 0, text: null, timer: 0, again: () => {} };

function parse() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  for (const [pattern, view] of ROUTES) {
    const match = pattern.exec(path || "/pipelines");
    if (match) {
      const named = Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
      return [view, { ...Object.fromEntries(new URLSearchParams(query)), ...Object.fromEntries(named) }];
    }
  }
  return [pipelines, {}];
}

async function navigate() {
  if (location.hash && !location.hash.startsWith("#/")) return;
  const [view, parameters] = parse();
  clearTimeout(shown.timer);
  const present = shown.token + 1;
  shown = { token: present, text: null, timer: 0, again: () => refresh(view, parameters, present) };
  for (const link of document.querySelectorAll("[data-tab]")) {
    if (link.dataset.tab === view.tab) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  document.title = `${view.title(parameters)} · Millrace`;
  main.replaceChildren(h("p", { class: "loading" }, "Loading…"));
  await learned();
  await refresh(view, parameters, present);
  if (present !== shown.token) return;
  main.querySelector("h1")?.focus({ preventScroll: true });
  document.getElementById("announce").textContent = document.title;
  window.scrollTo(0, 0);
}

async function refresh(view, parameters, token) {
  let pause = 5000;
  clearTimeout(shown.timer);
  try {
    const answer = await view.load(parameters);
    if (token !== shown.token) return;
    pause = view.pause(answer);
    show(answer, () => view.draw(answer, parameters));
  } catch (error) {
    if (token !== shown.token) return;
    if (!(error instanceof Refusal)) throw error;
    show({ refused: error.message }, () => refusal(error));
  }
  if (pause) shown.timer = setTimeout(() => whenVisible(() => refresh(view, parameters, token)), pause);
}

/** Draw only what has changed: a page that stays the same keeps its focus, its selection and its open parts. */
function show(answer, draw) {
  const { timestamp, request_id, ...content } = answer;
  const text = JSON.stringify(content);
  if (text === shown.text) return;
  shown.text = text;
  const [x, y] = [window.scrollX, window.scrollY];
  const focused = document.activeElement?.id;
  main.replaceChildren(...[draw()].flat().filter(Boolean));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  window.scrollTo(x, y);
}

function refusal(error) {
  if (error.code === "not_signed_in") {
    return [h("h1", { tabindex: "-1" }, "Sign in to see this"), signin.signInForm(navigate)];
  }
  return [h("h1", { tabindex: "-1" }, "This cannot be shown"), notice("is-bad", null, [error.message]),
    error.code === "unreachable" ? commandLine("millrace status") : null];
}

function whenVisible(work) {
  if (!document.hidden) work();
  else document.addEventListener("visibilitychange", work, { once: true });
}

async function watchHealth() {
  const element = document.getElementById("health");
  let state = "unreachable", problems = ["The service does not answer."];
  try {
    ({ status: state, problems } = await get("health"));
  } catch { /* told by the word */ }
  element.className = `health ${state === "unreachable" ? "is-bad" : look(state)}`;
  element.querySelector(".health-word").textContent = state;
  element.title = problems.join("\n") || "Everything answers.";
  setTimeout(() => whenVisible(watchHealth), 10000);
}

function drawPerson() {
  const place = document.getElementById("person"), known = person();
  const leave = async () => { await signOut(); navigate(); };
  place.replaceChildren(...(known
    ? [h("span", { class: "person-name", title: `Signed in as ${known.user}, ${known.role}` }, known.user, h("small", {}, known.role)),
      h("button", { class: "button copy", type: "button", id: "sign-out", onclick: leave }, "Sign out")]
    : [h("a", { class: "quiet", href: "#/sign-in", id: "sign-in" }, "Sign in")]));
}

function setUpTheme() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const draw = () => { button.textContent = isDark() ? "☀" : "☾"; };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("millrace-theme", root.dataset.theme);
    draw();
  });
  draw();
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[datetime]")) time.textContent = elapsed(time.dateTime);
}, 30000);
/** The sections that not everybody has. */
function drawTabs() {
  document.querySelector("[data-tab=access]").hidden = !can("account");
}

addEventListener("hashchange", navigate);
addEventListener("millrace:changed", () => shown.again());
onAbilities(() => { drawTabs(); shown.text = null; });
onPerson(drawPerson);
drawPerson();
setUpTheme();
navigate();
watchHealth();
