/**
 * The state of the page, which lives in the address and nowhere else: `?site=&period=` or `?site=&from=&to=`,
 * then `compare=`, one `f=` for each filter, and `view=` where it is not the overview that is shown, with what is looked
 * at there.
 */
import { readState, writeState } from "./behaviour/state.js";
import { isComparison } from "./compare.js";
import { readFilters, writeFilter } from "./filters.js";
import { DEFAULT_PERIOD, findPeriod, isDay } from "./period.js";

/**
 * @typedef {object} Route
 * @property {string} site "" until one is chosen
 * @property {string} period
 * @property {string} from "" unless a custom range is shown
 * @property {string} to inclusive
 * @property {string} compare "" where nothing is compared
 * @property {import("./filters.js").Filter[]} filters all of which hold
 * @property {"" | "behaviour" | "settings" | "login"} view "" is the overview
 * @property {import("./behaviour/state.js").State} behaviour what its reports are asked
 * @property {string} section of the settings
 */

const VIEWS = ["behaviour", "settings", "login"];

export const SECTIONS = [
  { id: "sites", label: "Sites" },
  { id: "links", label: "Shared links" },
  { id: "keys", label: "API keys" },
  { id: "password", label: "Password" },
];
const FIRST_SECTION = SECTIONS[0].id;

const SITE_ID = /^[a-z0-9._:-]{1,200}$/;

/** A site id from what somebody typed or pasted, "" where it cannot be one. @param {string} text */
export function siteIdFrom(text) {
  const bare = text.trim().toLowerCase().replace(/^https?:\/\//, "").replace(/[/?#].*$/, "");
  const site = storedSite(bare);
  return SITE_ID.test(site) ? site : "";
}

/** An international name as the browser itself sends it (xn--), which is how events come. @param {string} text */
function storedSite(text) {
  const [host, ...port] = text.split(":");
  if (/^[\x00-\x7f]*$/.test(host)) return text;
  try {
    return [new URL(`http://${host}`).hostname, ...port].join(":");
  } catch {
    return "";
  }
}

/** Anything in the address that makes no sense is left out. @param {string} search @returns {Route} */
export function readRoute(search) {
  const params = new URLSearchParams(search);
  const site = storedSite((params.get("site") ?? "").toLowerCase());
  const from = params.get("from") ?? "";
  const to = params.get("to") ?? "";
  const ranged = isDay(from) && isDay(to) && from <= to;
  const period = params.get("period") ?? "";
  const compare = params.get("compare") ?? "";
  const view = VIEWS.find((each) => each === params.get("view")) ?? "";
  return {
    site: SITE_ID.test(site) ? site : "",
    period: findPeriod(period) ? period : DEFAULT_PERIOD,
    from: ranged ? from : "",
    to: ranged ? to : "",
    compare: isComparison(compare) ? compare : "",
    filters: readFilters(params),
    view,
    behaviour: view === "behaviour" ? readState(params) : {},
    section: SECTIONS.find(({ id }) => id === params.get("section"))?.id ?? FIRST_SECTION,
  };
}

/** @param {Route} route */
export function routeSearch(route) {
  const params = new URLSearchParams(route.site ? { site: route.site } : {});
  if (route.from) {
    params.set("from", route.from);
    params.set("to", route.to);
  } else {
    params.set("period", route.period);
  }
  if (route.compare) params.set("compare", route.compare);
  for (const filter of route.filters) params.append("f", writeFilter(filter));
  if (route.view) params.set("view", route.view);
  if (route.view === "settings" && route.section !== FIRST_SECTION) params.set("section", route.section);
  if (route.view === "behaviour") writeState(params, route.behaviour);
  // Commas, slashes and colons may stand in a query as they are, and there are many in filters and steps.
  return `?${params}`.replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
}
