/**
 * The statistics API as the dashboard sees it: addresses, and the shapes of answers.
 */
import { compareParams, earlierRange } from "./compare.js";
import { DIMENSIONS, EXPANDED_ROWS, PREVIEW_ROWS } from "./dimensions.js";
import { filterParams, filterText } from "./filters.js";
import { ask, getJson } from "./http.js";
import { addDays, chartStep, periodParams } from "./period.js";

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
/**
 * @typedef {Headline & { current_visitors: number | null, comparison?: Headline, change?: Headline }} Main a change is
 *   percent, or points of a rate; current visitors are null where times are rounded to the hour
 */
/** @typedef {{ visitors: number, pageviews: number }} Views */
/** @typedef {Views & { date: string, previous?: Views }} Bucket `YYYY-MM-DD` or `YYYY-MM-DD HH:00` */
/** @typedef {Views & { value: string, previous?: Views, other?: true }} Row `other`: all values that were not kept */
/**
 * @typedef {object} Overview all that is shown of a site and period; what is earlier is there where it was asked for
 * @property {string} start_date
 * @property {string} end_date the day after the last
 * @property {Main} main
 * @property {Bucket[]} timeseries
 * @property {Record<string, Row[]>} breakdowns by the ids of DIMENSIONS
 * @property {{ date: string, file: string }[]} [incomplete] damaged files that are left out
 * @property {string} timezone of the site today
 * @property {string} [events_from] the first day with all its events, where the range begins before
 */
/** @typedef {Overview & { earlier: { from: string, to: string } | null, installed: boolean }} Report */
/**
 * @typedef {object} Explanation
 * @property {Record<string, string[]>} days by the way they are counted
 * @property {number} files
 * @property {number} bytes
 * @property {number} milliseconds
 * @property {number} memory_bytes
 * @property {number} pending_events
 * @property {string} [written] the last write of the files that are read
 * @property {string} definition
 * @property {string[]} sql
 * @property {Record<string, string>} values
 */
/** @typedef {import("./url.js").Route} Route */

/** The headline, by the names of the query API. */
const HEADLINE_METRICS = ["visitors", "pageviews", "visits", "views_per_visit", "bounce_rate", "visit_duration"];

/** @param {string} name @param {Route} route @param {Record<string, string>} [more] */
export function statsUrl(name, route, more = {}) {
  const params = { site_id: route.site, ...periodParams(route), ...filterParams(route), ...more };
  return `/api/stats/${name}?${new URLSearchParams(params)}`;
}

/** Everything of a route at once; one row more than is shown, to know whether there are more. @param {Route} route */
export const overviewUrl = (route) =>
  statsUrl("overview", route, {
    ...chartStep(route),
    ...compareParams(route),
    breakdowns: DIMENSIONS.map(({ id }) => id).join(","),
    limit: String(PREVIEW_ROWS + 1),
  });

/** The whole of one breakdown. @param {string} id @param {Route} route */
export const breakdownUrl = (id, route) =>
  statsUrl(`breakdown/${id}`, route, { ...compareParams(route), limit: String(EXPANDED_ROWS) });

/** The least question that tells whether one may look at a site's numbers. @param {Route} route */
export const lookUrl = (route) => statsUrl("main", { ...route, period: "today", from: "", to: "", filters: [] });

/** The last five minutes; refused where times are rounded to the hour. @param {Route} route */
export const liveUrl = (route) => statsUrl("main", { ...route, period: "realtime", from: "", to: "" });

/**
 * A file of what is shown.
 *
 * @param {Route} route @param {"csv" | "json" | "parquet"} format @param {"days" | "events"} what a row is
 */
export const exportUrl = (route, format, what) => statsUrl("export", route, { format, what });

/** @param {AbortSignal} signal @returns {Promise<Site[]>} */
export const getSites = (signal) => getJson("/api/sites", signal);

/** @param {string} site @param {AbortSignal} signal @returns {Promise<boolean>} whether it ever had an event */
export async function hasEvents(site, signal) {
  const main = await getJson(statsUrl("main", { site, period: "all", from: "", to: "", filters: [] }), signal);
  return main.events > 0;
}

/**
 * An overview without events asks once more, over all time and without filters, to tell a quiet site from a new one.
 *
 * @param {Route} route @param {AbortSignal} signal @returns {Promise<Report>}
 */
export async function getOverview(route, signal) {
  const overview = await getJson(overviewUrl(route), signal);
  const { compare = "" } = compareParams(route);
  return {
    ...overview,
    earlier: earlierRange(overview.start_date, overview.end_date, compare),
    installed: overview.main.events > 0 || (await hasEvents(route.site, signal)),
  };
}

/** The question behind the headline numbers of a report, as text. @param {Route} route @param {Report} report */
export const explanationOf = (route, { start_date: first, end_date: end }) =>
  JSON.stringify({
    site_id: route.site,
    metrics: HEADLINE_METRICS,
    date_range: [first, addDays(end, -1)],
    filters: JSON.parse(filterText(route.filters) || "[]"),
    explain: true,
  });

/** @param {string} question of `explanationOf` @param {AbortSignal} signal @returns {Promise<Explanation>} */
export async function getExplanation(question, signal) {
  const { meta } = await ask("/api/v2/query", { method: "POST", body: JSON.parse(question), signal });
  return meta.explain;
}
