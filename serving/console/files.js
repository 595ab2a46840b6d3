// Where the files of runs and checks are read: an image and a new tab send no token, so whoever is signed in gets a ticket.
import { get } from "./api.js";
import { onPerson, person } from "./session.js";

const EARLY_SECONDS = 300;
const tickets = new Map();
onPerson(() => tickets.clear());

/** The address before the name of a run's file. */
export async function filesOf(runId) {
  const run = `api/v1/runs/${encodeURIComponent(runId)}`;
  return person() ? `api/v1/tickets/${await ticketOf(run)}` : `${run}/artifacts`;
}

/** (check, page) => the address of a page that a pipeline's check has drawn. */
export async function pagesOf(pipeline) {
  const checks = `api/v1/pipelines/${encodeURIComponent(pipeline)}/monitoring`;
  const ticket = person() ? await ticketOf(checks) : null;
  const path = (...parts) => parts.map(encodeURIComponent).join("/");
  return (check, page) => (ticket ? `api/v1/check-tickets/${path(ticket, check, page)}` : `${checks}/${path(check)}/pages/${path(page)}`);
}

async function ticketOf(place) {
  const kept = tickets.get(place);
  if (kept && Date.now() < kept.until) return kept.ticket;
  const { ticket, expires_in } = await get(`${place}/ticket`);
  tickets.set(place, { ticket, until: Date.now() + (expires_in - EARLY_SECONDS) * 1000 });
  return ticket;
}
