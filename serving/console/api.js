// Talks to the service. An error is always one sentence that a person can read.

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

/** The JSON answer of a POST with a JSON body. */
export function post(path, content) {
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
}

async function ask(path, options = {}, again = false) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(30000), ...options });
  } catch {
    throw new Refusal("The service does not answer. Is the stack running? Try: millrace status", "unreachable");
  }
  const answer = await response.json().catch(() => null);
  if (answer === null) throw new Refusal(`The service answered ${response.status} without JSON.`, "no_json");
  if (response.status === 429 && !again && !options.method) {
    // The limit is by the second: a page that asks for much at once waits and goes on.
    await new Promise((go) => setTimeout(go, Math.min(Number(response.headers.get("Retry-After") ?? 1), 10) * 1000));
    return ask(path, options, true);
  }
  if (answer.success === false) throw new Refusal(answer.error, answer.code, answer.details);
  return answer;
}
