/**
 * The statistics API as the dashboard sees it: addresses, the shapes of answers, and one way to fetch them.
 */
import { periodParams } from "./period.js";

/** @typedef {{ site_id: string }} Site */
/**
 * @typedef {object} Headline
 * @property {number} unique_visitors
 * @property {number} total_pageviews
 * @property {number} visits
 * @property {number} views_per_visit
 * @property {number} bounce_rate fraction, 0 to 1
 * @property {number} avg_visit_duration_secs
 * @property {number} events page views and every other event
 */
/** @typedef {{ date: string, visitors: number, pageviews: number }} Bucket `YYYY-MM-DD` or `YYYY-MM-DD HH:00` */
/** @typedef {{ value: string, visitors: number, pageviews: number }} Row */
/** @typedef {import("./url.js").Route} Route */

/** An answer that is no success; its message is the server's sentence, fit to be shown. */
export class AnswerError extends Error {
  /** @param {string} sentence @param {number} status 0 where no answer came at all */
  constructor(sentence, status) {
    super(sentence);
    this.name = "AnswerError";
    this.status = status;
  }
}

/** @param {string} name @param {Route} route @param {Record<string, string>} [more] */
export function statsUrl(name, route, more = {}) {
  const params = new URLSearchParams({ site_id: route.site, ...periodParams(route), ...more });
  return `/api/stats/${name}?${params}`;
}

/** @param {string} url @param {AbortSignal} signal @returns {Promise<any>} */
export async function getJson(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new AnswerError("The server did not answer.", 0);
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new AnswerError(sentenceOf(body, response.status), response.status);
  if (body === null) throw new AnswerError("The server sent something that is not JSON.", response.status);
  return body;
}

function sentenceOf(body, status) {
  return typeof body?.error === "string" && body.error ? body.error : `The server answered with status ${status}.`;
}

/** @param {AbortSignal} signal @returns {Promise<Site[]>} */
export const getSites = (signal) => getJson("/api/sites", signal);

/** @param {string} site @param {AbortSignal} signal @returns {Promise<boolean>} whether it ever had an event */
export async function hasEvents(site, signal) {
  const main = await getJson(statsUrl("main", { site, period: "all", from: "", to: "" }), signal);
  return main.events > 0;
}

/**
 * The headline numbers; a period without events asks once more, over all time, to tell a quiet site from a new one.
 *
 * @param {Route} route @param {AbortSignal} signal
 * @returns {Promise<Headline & { installed: boolean }>}
 */
export async function getHeadline(route, signal) {
  const main = await getJson(statsUrl("main", route), signal);
  return { ...main, installed: main.events > 0 || (await hasEvents(route.site, signal)) };
}
