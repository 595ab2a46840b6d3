// Talks to the service, in the name of whoever is signed in. An error is always one sentence that a person can read.
import { renew, token } from "./session.js";

const PATIENCE_MS = 30000;

/** What the service refused, or why it could not be reached. */
export class Refusal extends Error {
  constructor(sentence, code, details) {
    super(sentence);
    this.code = code;
    this.details = details ?? {};
  }
}

/** The JSON answer of a GET. */
export function get(path) {
  return ask(path);
}

/** All entries of a list that is answered by pages; `part` is its name in the answer. */
export async function getAll(path, part, parameters = {}) {
  const found = [];
  for (let next = {}; next !== null;) {
    const page = await get(`${path}?${new URLSearchParams({ limit: 200, ...parameters, ...next })}`);
    found.push(...page[part]);
    next = page.next_before ? { before: page.next_before } : page.next_after ? { after: page.next_after } : null;
  }
  return found;
}

/** The JSON answer of a POST with a JSON body. */
export const post = (path, content, version) => change("POST", path, content, version);
export const put = (path, content, version) => change("PUT", path, content, version);
export const patch = (path, content) => change("PATCH", path, content);
export const remove = (path, version) => change("DELETE", path, undefined, version);

/** `version`: the one that the change was made against, where the service wants to know. */
function change(method, path, content, version) {
  const headers = { ...(content === undefined ? {} : { "Content-Type": "application/json" }), ...(version ? { "If-Match": `"${version}"` } : {}) };
  return ask(path, { method, headers, body: content === undefined ? undefined : JSON.stringify(content) });
}

/** Uploads a table; its name among the uploads. */
export async function upload(name, file) {
  const options = { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file, signal: AbortSignal.timeout(600000) };
  return (await ask(`api/v1/tables?${new URLSearchParams({ name })}`, options)).table;
}

/** The draft of a spec; looking at a large table takes a while. */
export function draft(wanted) {
  return ask("api/v1/pipelines/draft", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted), signal: AbortSignal.timeout(120000) });
}

/** Says that something was changed, so that the page shows it. */
export const changed = () => dispatchEvent(new Event("millrace:changed"));

async function ask(path, options = {}) {
  let response = await send(path, options, await token());
  if (response.status === 401) {
    const renewed = await renew(); // the token may have been withdrawn, or the clocks may differ
    if (renewed) response = await send(path, options, renewed);
  }
  if (response.status === 429 && !options.method) {
    // The limit is by the second: a page that asks for much at once waits and goes on.
    await new Promise((go) => setTimeout(go, Math.min(Number(response.headers.get("Retry-After") ?? 1), 10) * 1000));
    response = await send(path, options, await token());
  }
  const answer = await response.json().catch(() => null);
  if (answer === null) throw new Refusal(`The service answered ${response.status} without JSON.`, "no_json");
  if (answer.success === false) throw new Refusal(answer.error, answer.code, answer.details);
  return answer;
}

async function send(path, options, bearer) {
  const headers = bearer ? { ...options.headers, Authorization: `Bearer ${bearer}` } : options.headers;
  try {
    return await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...options, headers });
  } catch (error) {
    throw new Refusal(error.name === "TimeoutError" ? `The service has not answered within ${PATIENCE_MS / 1000} seconds: it is busy, or waits for a part of the stack.`
      : "The service does not answer. Is the stack running? Try: millrace status", "unreachable");
  }
}
