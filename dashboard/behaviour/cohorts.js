/**
 * What a grid of cohorts needs: columns, names of intervals, and the mean of all cohorts.
 */
import { addDays, daysBetween, findPeriod, isCustom } from "../period.js";
import { dayName, rangeName } from "../format.js";
import { INTERVALS } from "./state.js";

/**
 * @typedef {object} Cohort
 * @property {string} cohort_date
 * @property {number} cohort_size
 * @property {number[]} visitors the first is the cohort itself
 * @property {number[]} percentages
 * @property {string} [note] why no visitor can come back
 */

/** Days that a range needs before weeks, and months, say more. */
const WEEKS_FROM = 15;
const MONTHS_FROM = 120;

/** The interval that says most of a range. @param {import("../url.js").Route} route */
export function usualInterval(route) {
  const days = isCustom(route) ? daysBetween(route.from, route.to) + 1 : findPeriod(route.period).days;
  if (days < WEEKS_FROM) return "day";
  return days < MONTHS_FROM ? "week" : "month";
}

/** @param {string} id */
export const findInterval = (id) => INTERVALS.find((interval) => interval.id === id);

const month = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", month: "long", year: "numeric" });

/** @param {string} date first day of an interval @param {string} interval */
export function intervalName(date, interval) {
  if (interval === "month") return month.format(Date.parse(date));
  return interval === "week" ? rangeName({ from: date, to: addDays(date, 6) }) : dayName(date);
}

/** How many intervals after its own the longest list has. @param {Cohort[]} cohorts */
export const laterColumns = (cohorts) => Math.max(0, ...cohorts.map(({ visitors }) => visitors.length - 1));

/** Of all visitors who could be seen again in the n-th interval after, how many were: a fraction, or null. */
export function meanOf(cohorts, column) {
  const counted = cohorts.filter(({ visitors, note }) => visitors.length > column && !note);
  const size = counted.reduce((sum, { cohort_size: count }) => sum + count, 0);
  const again = counted.reduce((sum, { visitors }) => sum + visitors[column], 0);
  return size > 0 ? { share: again / size, again, size } : null;
}
