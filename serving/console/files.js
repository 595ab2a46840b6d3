// Where the files of a run are read: an image and a new tab send no token, so whoever is signed in gets a ticket.
import { get } from "./api.js";
import { person } from "./session.js";

const EARLY_SECONDS = 300;
const tickets = new Map();

/** The address before a file's name. */
export async function filesOf(runId) {
  const run = `api/v1/runs/${encodeURIComponent(runId)}`;
  if (!person()) return `${run}/artifacts`;
  const kept = tickets.get(runId);
  if (kept && Date.now() < kept.until) return kept.address;
  const { ticket, expires_in } = await get(`${run}/ticket`);
  const address = `api/v1/tickets/${ticket}`;
  tickets.set(runId, { address, until: Date.now() + (expires_in - EARLY_SECONDS) * 1000 });
  return address;
}
