// What whoever looks may do, as the service says: a page shows no button that would only be refused.
import { get } from "./api.js";
import { onPerson } from "./session.js";

let asked = null;
let known = { name: "anonymous", kind: "anonymous", permissions: [] };
const listeners = new Set();

/** Calls `listener` once it is known anew what may be done. */
export function onAbilities(listener) {
  listeners.add(listener);
}

/** Waits until it is known; a service that does not answer allows nothing for now, and is asked again. */
export function learned() {
  asked ??= get("api/v1/auth/me").then(keep, () => { asked = null; });
  return asked;
}

/** Whether a permission is there, such as "models:promote". */
export const can = (permission) => known.permissions.includes(permission);

/** Who looks: { name, kind, role }. */
export const caller = () => known;

function keep(answer) {
  known = answer;
  for (const listener of listeners) listener();
}

onPerson(() => {
  asked = null;
  learned();
});
