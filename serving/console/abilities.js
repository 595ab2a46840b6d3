// What whoever looks may do, as the service says: a page shows no button that would only be refused.
import { get } from "./api.js";
import { onPerson } from "./session.js";

let asked = null;
const NOBODY = { name: "anonymous", kind: "anonymous", permissions: [] };
let known = NOBODY;
const listeners = new Set();

/** Calls `listener` once it is known anew what may be done. */
export function onAbilities(listener) {
  listeners.add(listener);
}

/** Waits until it is known; a service that does not answer allows nothing for now, and is asked again. */
export function learned() {
  asked ??= ask();
  return asked;
}

/** Whether a permission is there, such as "models:promote". */
export const can = (permission) => known.permissions.includes(permission);

/** Who looks: { name, kind, role }. */
export const caller = () => known;

/** An answer that was asked for before somebody else signed in says nothing. */
function ask() {
  const present = get("api/v1/auth/me").then((answer) => present === asked && keep(answer), () => { if (present === asked) asked = null; });
  return present;
}

function keep(answer) {
  known = answer;
  for (const listener of listeners) listener();
}

onPerson(() => {
  asked = null;
  keep(NOBODY);
  learned();
});
