/**
 * The numbers of a route as a hook: one question for all that is shown, and one for each list that is opened.
 */
import { breakdownUrl, getOverview, overviewUrl } from "./api.js";
import { DIMENSIONS } from "./dimensions.js";
import { getJson } from "./http.js";
import { useResource } from "./use-resource.js";

/** @typedef {import("./api.js").Report} Report */
/** @typedef {import("./api.js").Row} Row */
/** @typedef {import("./url.js").Route} Route */
/**
 * @template T
 * @typedef {import("./use-resource.js").Resource<T>} Resource
 */

/**
 * @param {Route} route
 * @param {number} tick a new one asks again
 * @param {Set<string>} opened ids of breakdowns of which all rows are wanted
 * @param {boolean} isShown nothing is asked while it is not; what was there stays
 * @returns {{ overview: Resource<Report>, lists: Map<string, Resource<Row[]>>, errors: Error[], pending: boolean }}
 */
export function useReport(route, tick, opened, isShown) {
  const options = { tick, scope: route.site };
  const overview = useResource(isShown ? overviewUrl(route) : "", (signal) => getOverview(route, signal), options);
  const asked = [overview];
  // A constant list, so the hooks inside keep their order.
  const lists = DIMENSIONS.map(({ id }) => {
    const url = isShown && opened.has(id) ? breakdownUrl(id, route) : "";
    const whole = useResource(url, (signal) => getJson(url, signal), options);
    const first = partOf(overview, (data) => data.breakdowns[id]);
    if (url === "") return [id, first];
    asked.push(whole);
    // The first rows of this question are better than all rows of an earlier one.
    const kept = whole.data && (!whole.stale || first.stale);
    return [id, kept ? whole : { ...first, error: whole.error ?? first.error, stale: first.stale || whole.pending }];
  });
  return {
    overview,
    lists: new Map(lists),
    errors: asked.flatMap((part) => part.error ?? []),
    pending: asked.some((part) => part.pending),
  };
}

/**
 * A resource that is a part of another.
 *
 * @template T, P
 * @param {Resource<T>} whole @param {(data: T) => P} pick @returns {Resource<P>}
 */
export const partOf = (whole, pick) => ({ ...whole, data: whole.data && pick(whole.data) });
