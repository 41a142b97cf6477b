/**
 * Comparison with an earlier range: which one, where it lies, and what a change from there to here says.
 */
import { addDays, daysBetween, isCustom, isDay } from "./period.js";

/** @typedef {import("./url.js").Route} Route */
/** @typedef {{ amount: string, direction: "up" | "down" | "same", verdict: "better" | "worse" | "same" }} Change */

export const COMPARISONS = [
  { id: "", label: "No comparison" },
  { id: "previous_period", label: "Previous period" },
  { id: "year_over_year", label: "Year before" },
];

/** @param {string} id */
export const isComparison = (id) => COMPARISONS.some((comparison) => comparison.id === id);

/** Nothing lies before all time. @param {Route} route */
export const canCompare = (route) => isCustom(route) || route.period !== "all";

/** @param {Route} route @returns {Record<string, string>} */
export const compareParams = (route) => (route.compare && canCompare(route) ? { compare: route.compare } : {});

/**
 * The earlier range, chosen as the API chooses it; null where nothing is compared.
 *
 * @param {string} start @param {string} end exclusive @param {string} compare
 * @returns {{ from: string, to: string } | null} the last day included
 */
export function earlierRange(start, end, compare) {
  if (compare === "") return null;
  const days = daysBetween(start, end);
  const from = compare === "previous_period" ? addDays(start, -days) : yearBefore(start);
  return { from, to: addDays(from, days - 1) };
}

/** The 29th of February has none: the 28th stands for it. @param {string} day */
function yearBefore(day) {
  const before = `${String(Number(day.slice(0, 4)) - 1).padStart(4, "0")}${day.slice(4)}`;
  return isDay(before) ? before : before.replace(/29$/, "28");
}

const whole = new Intl.NumberFormat();
const points = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/**
 * @param {number} change percent, or percentage points for a rate
 * @param {{ isRate?: boolean, lessIsBetter?: boolean }} [kind]
 * @returns {Change}
 */
export function describeChange(change, { isRate = false, lessIsBetter = false } = {}) {
  const size = Math.abs(change);
  const amount = isRate ? `${points.format(size)} pts` : `${whole.format(size)}%`;
  if (change === 0) return { amount, direction: "same", verdict: "same" };
  return {
    amount,
    direction: change > 0 ? "up" : "down",
    verdict: change > 0 === lessIsBetter ? "worse" : "better",
  };
}

/** In whole percent; null where there were none before. @param {number} before @param {number} now */
export const percentChange = (before, now) => (before === 0 ? null : Math.round((100 * (now - before)) / before));
