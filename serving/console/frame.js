// What stands around every page: the sections, the service's health, who is signed in, the theme, and the clocks.
import { can } from "./abilities.js";
import { get } from "./api.js";
import { h } from "./dom.js";
import { duration, elapsed, secondsBetween } from "./format.js";
import { look } from "./parts.js";
import { person, signOut } from "./session.js";
import { whenVisible } from "./visible.js";

const HEALTH_MS = 10000, AGES_MS = 30000, CLOCKS_MS = 1000, MOST_ALERTS = 99;

/** Marks the section that is shown. */
export function markTab(tab) {
  for (const link of document.querySelectorAll("[data-tab]")) {
    if (link.dataset.tab === tab) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
}

/** The sections that not everybody has. */
export function drawTabs() {
  document.querySelector("[data-tab=access]").hidden = !can("account");
}

export function drawPerson(left) {
  const place = document.getElementById("person"), known = person();
  const leave = async () => { await signOut(); left(); };
  place.replaceChildren(...(known
    ? [h("span", { class: "person-name", title: `Signed in as ${known.user}, ${known.role}` }, known.user, h("small", {}, known.role)),
      h("button", { class: "button copy", type: "button", id: "sign-out", onclick: leave }, "Sign out")]
    : [h("a", { class: "quiet", href: "#/sign-in", id: "sign-in" }, "Sign in")]));
}

/** Asks for the health and the number of alerts as long as the page lives; also at once, whenever it is called. */
export async function watchService() {
  await Promise.all([drawHealth(), drawAlerts()]);
}

export function setUpFrame() {
  setUpTheme();
  watchService();
  setInterval(() => whenVisible(watchService), HEALTH_MS);
  setInterval(() => tick("time[datetime]", (time) => elapsed(time.dateTime)), AGES_MS);
  setInterval(() => tick("[data-since]", (clock) => duration(secondsBetween(clock.dataset.since, null))), CLOCKS_MS);
}

function tick(css, textOf) {
  for (const element of document.querySelectorAll(css)) element.textContent = textOf(element);
}

async function drawHealth() {
  const element = document.getElementById("health");
  let state = "unreachable", problems = ["The service does not answer."];
  try {
    ({ status: state, problems } = await get("health"));
  } catch { /* told by the word */ }
  element.className = `health ${state === "unreachable" ? "is-bad" : look(state)}`;
  element.querySelector(".health-word").textContent = state;
  element.title = problems.join("\n") || "Everything answers.";
}

/** How many alerts are active, beside the word; what was known last, while it cannot be asked. */
async function drawAlerts() {
  const none = { alerts: [] };
  const found = can("read") ? await get(`api/v1/alerts?status=active&limit=${MOST_ALERTS + 1}`).catch(() => null) : none;
  if (!found) return;
  const { alerts } = found;
  const text = alerts.length > MOST_ALERTS ? `${MOST_ALERTS}+` : String(alerts.length);
  document.getElementById("alerts-active").replaceChildren(...(alerts.length
    ? [h("span", { class: "count" }, text, h("span", { class: "visually-hidden" }, " active"))] : []));
}

function setUpTheme() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const draw = () => { button.textContent = isDark() ? "☀" : "☾"; };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("millrace-theme", root.dataset.theme);
    draw();
  });
  system.addEventListener("change", draw);
  draw();
}
