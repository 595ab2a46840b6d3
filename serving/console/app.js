// Shows the page that the address means, keeps it fresh, and says why where it cannot.
import { learned, onAbilities } from "./abilities.js";
import { Refusal } from "./api.js";
import { h } from "./dom.js";
import { exact } from "./format.js";
import { drawPerson, drawTabs, markTab, setUpFrame, watchService } from "./frame.js";
import { commandLine, notice } from "./parts.js";
import { placeRead } from "./place.js";
import { redraw } from "./redraw.js";
import { routeOf } from "./routes.js";
import { onPerson } from "./session.js";
import { signInForm } from "./views/signin.js";
import { whenVisible } from "./visible.js";

const AGAIN_MS = 5000;
const AWAY = new Set(["unreachable", "no_json", "storage_unavailable"]);
const main = document.getElementById("main");
// What is shown: a question that was asked before the latest one has nothing to say any more.
let shown = { route: null, asked: 0, text: null, at: null, timer: 0 };

async function navigate() {
  if (location.hash && !location.hash.startsWith("#/")) return;
  const route = routeOf(location.hash), y = placeRead();
  const isSame = shown.route?.path === route.path;
  clearTimeout(shown.timer);
  shown = { ...shown, route, asked: shown.asked + 1, ...(isSame ? {} : { text: null, at: null }) };
  markTab(route.view.tab);
  document.title = `${route.view.title(route.parameters)} · Millrace`;
  if (!isSame) main.replaceChildren(h("p", { class: "loading" }, "Loading…"));
  main.setAttribute("aria-busy", "true");
  await learned();
  if (shown.route !== route) return;
  await refresh();
  if (shown.route !== route) return;
  if (!isSame || document.activeElement === document.body) main.querySelector("h1")?.focus({ preventScroll: true });
  document.getElementById("announce").textContent = document.title;
  window.scrollTo(0, y);
}

async function refresh() {
  const { route } = shown, { view, parameters } = route;
  const asked = shown.asked += 1;
  let pause = AGAIN_MS;
  clearTimeout(shown.timer);
  try {
    const answer = await view.load(parameters);
    if (asked !== shown.asked) return;
    show(answer, () => view.draw(answer, parameters));
    pause = view.pause(answer);
    fresh();
  } catch (error) {
    if (asked !== shown.asked) return;
    refused(error);
  }
  main.removeAttribute("aria-busy");
  if (pause) shown.timer = setTimeout(() => whenVisible(again), pause);
}

/** Ask anew for the page that is shown. */
const again = () => { refresh(); };

/** Draw only what has changed. */
function show(answer, draw) {
  const { timestamp, request_id, ...content } = answer;
  const text = JSON.stringify(content);
  if (text === shown.text) return;
  redraw(main, [draw()].flat(Infinity).filter(Boolean));
  shown.text = text;
}

function fresh() {
  shown.at = new Date().toISOString();
  document.getElementById("stale").replaceChildren();
}

/** A service that is away for a moment takes no page away: it stays, and says since when it is old. */
function refused(error) {
  const known = error instanceof Refusal ? error : faulty(error);
  if (shown.at && AWAY.has(known.code)) {
    document.getElementById("stale").replaceChildren(notice("is-warn", `This page is as of ${exact(shown.at)}`, [known.message]));
    return;
  }
  document.getElementById("stale").replaceChildren();
  shown.at = null;
  show({ refused: known.message }, () => refusal(known));
}

/** A fault of the console's own: told to the reader in a sentence, and to the developer's console in full. */
function faulty(error) {
  console.error(error);
  return new Refusal(`The console cannot draw this page: ${error.message}. Load it again; if that does not help, the service may be of another version.`, "console");
}

function refusal(error) {
  if (error.code === "not_signed_in") {
    return [h("h1", { tabindex: "-1" }, "Sign in to see this"), signInForm(navigate)];
  }
  return [h("h1", { tabindex: "-1" }, "This cannot be shown"), notice("is-bad", null, [error.message]),
    error.code === "unreachable" ? commandLine("millrace status") : null];
}

addEventListener("hashchange", navigate);
addEventListener("millrace:changed", () => { shown.text = null; refresh(); watchService(); });
onAbilities(() => { drawTabs(); shown.text = null; watchService(); });
onPerson(() => drawPerson(navigate));
drawPerson(navigate);
setUpFrame();
navigate();
