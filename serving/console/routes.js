// Which view an address means, and with what.
import * as access from "./views/access.js";
import * as alerts from "./views/alerts.js";
import * as checks from "./views/checks.js";
import * as decisions from "./views/decisions.js";
import * as forecasts from "./views/forecasts.js";
import * as health from "./views/health.js";
import * as model from "./views/model.js";
import * as models from "./views/models.js";
import * as nowhere from "./views/nowhere.js";
import * as pipelines from "./views/pipelines.js";
import * as run from "./views/run.js";
import * as runs from "./views/runs.js";
import * as signin from "./views/signin.js";
import * as spec from "./views/spec.js";

// A view: tab and title; load(parameters) asks the service; draw(answer, parameters) makes elements;
// pause(answer) says in how many milliseconds to ask again, 0 for never.
const ROUTES = [
  [/^\/pipelines$/, pipelines], [/^\/new-pipeline$/, spec], [/^\/pipelines\/(?<name>[^/]+)\/spec$/, spec],
  [/^\/runs$/, runs], [/^\/runs\/(?<id>[^/]+)$/, run],
  [/^\/models$/, models], [/^\/models\/(?<name>[^/]+)$/, model], [/^\/models\/(?<name>[^/]+)\/decisions$/, decisions],
  [/^\/models\/(?<name>[^/]+)\/checks$/, checks],
  [/^\/forecasts$/, forecasts], [/^\/alerts$/, alerts], [/^\/access$/, access], [/^\/health$/, health], [/^\/sign-in$/, signin],
];

/** { view, parameters, path } of an address such as #/runs?status=failed. */
export function routeOf(hash) {
  const [written, query = ""] = hash.replace(/^#/, "").split("?");
  const path = written === "" || written === "/" ? "/pipelines" : written;
  for (const [pattern, view] of ROUTES) {
    const named = namedIn(pattern.exec(path));
    if (named) return { view, path, parameters: { ...Object.fromEntries(new URLSearchParams(query)), ...named } };
  }
  return { view: nowhere, path, parameters: { path } };
}

/** The names in an address, or null where it does not fit or cannot be read. */
function namedIn(match) {
  try {
    return match && Object.fromEntries(Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]));
  } catch {
    return null;
  }
}
