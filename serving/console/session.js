// Who is signed in. The access token lives in memory only; the refresh token lives as long as the tab does.

const KEPT = "millrace-session";
const EARLY_SECONDS = 30;
let present = null; // { token, until, user, role }
let turning = null; // the refresh that is under way: a refresh token must never be sent twice
const listeners = new Set();

/** What is known of the person: { user, role }, or null. */
export function person() {
  const kept = present ?? read();
  return kept ? { user: kept.user, role: kept.role } : null;
}

/** Calls `listener` whenever somebody signs in or out. */
export function onPerson(listener) {
  listeners.add(listener);
}

/** A token that counts, or null where nobody is signed in. */
export async function token() {
  if (present && Date.now() < present.until) return present.token;
  return renew();
}

/** The next token, for when the present one does not count any more; null where the session has ended. */
export function renew() {
  turning ??= turn().finally(() => { turning = null; });
  return turning;
}

/** Sign in. Returns the sentence that says why not, or null. */
export async function signIn(username, password) {
  const answer = await send("login", { username, password });
  if (answer?.access_token) keep(answer);
  return answer?.access_token ? null : sentence(answer);
}

/** Choose a new password with a reset token. Returns the sentence that says why not, or null. */
export async function choosePassword(reset, password) {
  const answer = await send("reset", { token: reset, new: password });
  return answer?.success ? null : sentence(answer);
}

/** Sign out, here and in the service. */
export async function signOut() {
  const bearer = await token();
  forget();
  if (bearer) await send("logout", {}, { Authorization: `Bearer ${bearer}` });
}

async function turn() {
  const kept = read();
  if (!kept) return null;
  const answer = await send("refresh", { refresh_token: kept.refresh });
  if (answer?.access_token) keep(answer);
  else if (answer?.code === "not_signed_in") forget(); // away is not out: a service that does not answer ends nothing
  return answer?.access_token ?? null;
}

async function send(path, content, headers = {}) {
  try {
    const response = await fetch(`api/v1/auth/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(content),
      signal: AbortSignal.timeout(30000),
    });
    return await response.json();
  } catch {
    return null;
  }
}

const sentence = (answer) => answer?.error ?? "The service does not answer. Try again.";

function keep({ access_token, refresh_token, expires_in, user, role }) {
  const before = person();
  present = { token: access_token, until: Date.now() + (expires_in - EARLY_SECONDS) * 1000, user, role };
  sessionStorage.setItem(KEPT, JSON.stringify({ refresh: refresh_token, user, role }));
  if (before?.user !== user || before.role !== role) tell();
}

function forget() {
  present = null;
  sessionStorage.removeItem(KEPT);
  tell();
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function tell() {
  for (const listener of listeners) listener();
}
