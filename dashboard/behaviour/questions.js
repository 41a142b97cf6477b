/**
 * What the reports of behaviour ask, as hooks: each question of a route, and the same of its earlier range.
 */
import { statsUrl } from "../api.js";
import { compareParams, earlierRange } from "../compare.js";
import { getJson } from "../http.js";
import { useResource } from "../use-resource.js";

/** @typedef {import("../url.js").Route} Route */
/** @typedef {import("../api.js").Row} Row */
/**
 * @typedef {object} Basis what there is to choose from, and the days that a period is
 * @property {string} start_date
 * @property {string} end_date the day after the last
 * @property {{ pages: Row[], entry_pages: Row[], events: Row[] }} breakdowns
 */
/**
 * @template T
 * @typedef {import("../use-resource.js").Resource<T>} Resource
 */

const SUGGESTIONS = "100";
const NOT_ASKED = { data: undefined, error: null, pending: false, stale: false };

/** @param {Route} route @param {number} tick @returns {Resource<Basis>} */
export const useBasis = (route, tick) =>
  useAnswer("overview", route, { breakdowns: "pages,entry_pages,events", limit: SUGGESTIONS }, tick);

/** Names of the site's goals, which only its owner is told. @param {string} site "" asks nothing */
export function useGoals(site) {
  const url = site && `/api/sites/${encodeURIComponent(site)}`;
  const { data, error } = useResource(url, (signal) => getJson(url, signal));
  if (!site || error) return [];
  return data?.goals.map(({ name }) => name);
}

/**
 * @param {string} name of the report @param {Route | null} route null asks nothing
 * @param {Record<string, string | undefined>} params those that are empty are left out
 * @param {number} tick a new one asks again
 * @returns {Resource<any>}
 */
export function useAnswer(name, route, params, tick) {
  const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value));
  const url = route ? statsUrl(name, route, given) : "";
  const answer = useResource(url, (signal) => getJson(url, signal), { tick, scope: route?.site ?? "" });
  return route ? answer : NOT_ASKED;
}

/** The same route in the range it is compared with; null where there is none, or none is known yet. */
export function earlierRoute(route, basis) {
  const { compare } = compareParams(route);
  if (!compare || !basis.data || basis.stale) return null;
  const { from, to } = earlierRange(basis.data.start_date, basis.data.end_date, compare);
  return { ...route, from, to, compare: "" };
}

/** @param {Error | null} error @param {string[]} words that a sentence about a field begins with */
export const isAbout = (error, ...words) =>
  error?.status === 400 && words.some((word) => error.message.startsWith(word));
