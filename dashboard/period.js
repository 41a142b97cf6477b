/**
 * Periods: what the picker offers, what the API is asked for, and calendar days in the site's time zone (UTC).
 *
 * Days are `YYYY-MM-DD` texts, which compare and sort as they should.
 */
/** @typedef {import("./url.js").Route} Route */

export const DEFAULT_PERIOD = "30d";

/** The picker's value for two dates of the visitor's own choice; it never goes to the API. */
export const CUSTOM = "custom";

export const PERIODS = [
  { id: "today", label: "Today", days: 1 },
  { id: "yesterday", label: "Yesterday", days: 1 },
  { id: "7d", label: "Last 7 days", days: 7 },
  { id: "30d", label: "Last 30 days", days: 30 },
  { id: "90d", label: "Last 90 days", days: 90 },
  { id: "month", label: "This month", days: 30 },
  { id: "12mo", label: "Last 12 months", days: 365 },
  { id: "all", label: "All time", days: 365 },
];

/** Periods the API knows and the picker does not list: a link with one of them still works. */
const UNLISTED = [
  { id: "day", label: "Today", days: 1 },
  { id: "28d", label: "Last 28 days", days: 28 },
  { id: "year", label: "This year", days: 365 },
];

/** @param {string} id */
export const findPeriod = (id) => [...PERIODS, ...UNLISTED].find((period) => period.id === id);

/** The options of the picker; one from a link that is not listed is put in front. @param {string} current */
export function offeredPeriods(current) {
  const unlisted = UNLISTED.find((period) => period.id === current);
  return unlisted ? [unlisted, ...PERIODS] : PERIODS;
}

/** @param {Date} now */
export const dayOf = (now) => now.toISOString().slice(0, 10);

/** @param {string} day @param {number} count */
export function addDays(day, count) {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + count);
  return dayOf(date);
}

/** @param {string} from @param {string} to */
export const daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

/** Whether a text is a day of the calendar: 2025-02-30 is not. @param {string} text */
export function isDay(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && dayOf(date) === text;
}

/** @param {Route} route */
export const isCustom = (route) => route.from !== "";

/** The shown end is inclusive, the API's is exclusive. @param {Route} route @returns {Record<string, string>} */
export function periodParams(route) {
  if (isCustom(route)) return { start_date: route.from, end_date: addDays(route.to, 1) };
  return { period: route.period };
}

/** A single day is drawn by the hour: one point is no chart. @param {Route} route @returns {Record<string, string>} */
export function chartStep(route) {
  const single = isCustom(route) ? route.from === route.to : route.period === "yesterday";
  return single ? { interval: "hour" } : {};
}

/** Whether numbers of this period still grow. @param {Route} route @param {Date} now */
export function includesToday(route, now) {
  return isCustom(route) ? route.to >= dayOf(now) : route.period !== "yesterday";
}

/** Two dates to start from when a custom range is opened. @param {Route} route @param {Date} now */
export function suggestedRange(route, now) {
  if (isCustom(route)) return { from: route.from, to: route.to };
  const end = addDays(dayOf(now), route.period === "yesterday" ? -1 : 0);
  return { from: addDays(end, 1 - findPeriod(route.period).days), to: end };
}
