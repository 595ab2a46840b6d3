// Who may ask: the own account and keys, and for admins users, credentials and the record of changes.
import { can, learned } from "../abilities.js";
import * as audit from "../access/audit.js";
import * as credentials from "../access/credentials.js";
import * as keys from "../access/keys.js";
import * as password from "../access/password.js";
import * as users from "../access/users.js";
import { Refusal } from "../api.js";
import { pageHead } from "../parts.js";

// A part: the permission without which it is not there; load(parameters) asks the service; draw(answer, parameters).
const PARTS = { password, users, keys, credentials, audit };

export const tab = "access";
export const title = () => "Access";
export const pause = () => 0;

export async function load(parameters) {
  await learned();
  if (!can("account")) throw new Refusal("Users, keys and credentials are for people who have signed in.", "not_signed_in");
  const there = Object.keys(PARTS).filter((name) => can(PARTS[name].permission));
  const answers = await Promise.all(there.map((name) => PARTS[name].load(parameters)));
  return { parts: there.map((name, index) => [name, answers[index]]) };
}

export function draw({ parts }, parameters) {
  return [pageHead("Access", "Who may ask the service, and for what."), ...parts.map(([name, answer]) => PARTS[name].draw(answer, parameters))];
}
