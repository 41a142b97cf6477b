/**
 * A site's settings as the API has them, and as the form shows them.
 */
import { ask, getJson } from "./http.js";

/**
 * @typedef {object} Goal
 * @property {string} name
 * @property {string} [event] either this
 * @property {string} [page] or this
 * @property {Record<string, string>} [props] all must match
 * @property {number} [scroll_threshold] percent, with a page
 * @property {string} [currency]
 */
/**
 * @typedef {object} Settings
 * @property {string} timezone
 * @property {string} [timezone_from] the day from which it holds, where that is ahead
 * @property {string[]} origins
 * @property {Goal[]} goals
 * @property {boolean} public
 */
/** @typedef {{ status: "done" | "queued", days: string[], events: number, pending: number | null }} Erasure */

const pathOf = (site) => `/api/sites/${encodeURIComponent(site)}`;

/** @param {string} site @param {AbortSignal} signal @returns {Promise<Settings>} */
export const getSettings = (site, signal) => getJson(pathOf(site), signal);

/** @param {string} site @param {Settings} settings @returns {Promise<Settings>} */
export const putSettings = (site, settings) => ask(pathOf(site), { method: "PUT", body: settings });

/** Both days included. @param {string} site @param {string} from @param {string} to @returns {Promise<Erasure>} */
export const eraseDays = (site, from, to) =>
  ask(`/api/gdpr/erase?${new URLSearchParams({ site_id: site, start_date: from, end_date: to })}`, { method: "DELETE" });

/** The zones to choose from; the one that is set is among them whatever this browser knows. @param {string} current */
export const offeredZones = (current) =>
  [...new Set(["UTC", current, ...Intl.supportedValuesOf("timeZone")])].toSorted();

const PATTERN =
  "* stands for anything up to the next slash, ** for anything. A query counts only where the script keeps it (data-keep-query).";

/** What a goal can be, in the order of the picker. */
export const GOAL_KINDS = [
  { id: "event", label: "Event", value: "Name of the event", placeholder: "signup" },
  { id: "page", label: "Page view", value: "Path", hint: PATTERN, placeholder: "/blog/**" },
  { id: "scroll", label: "Page read", value: "Path", hint: PATTERN, placeholder: "/blog/**" },
];

/** @typedef {{ id: number, name: string, kind: string, value: string, percent: string, currency: string, props: string }} GoalRow */

/** @param {Goal} goal @param {number} id @returns {GoalRow} */
export const goalRow = (goal, id) => ({
  id,
  name: goal.name,
  kind: goal.event !== undefined ? "event" : goal.scroll_threshold === undefined ? "page" : "scroll",
  value: goal.event ?? goal.page,
  percent: String(goal.scroll_threshold ?? 75),
  currency: goal.currency ?? "",
  props: Object.entries(goal.props ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join("\n"),
});

/** @param {number} id @returns {GoalRow} */
export const newGoalRow = (id) => ({ id, name: "", kind: "event", value: "", percent: "75", currency: "", props: "" });

/** @param {GoalRow} row @returns {Goal} what is missing in it is for the server to say */
export function goalOf({ name, kind, value, percent, currency, props }) {
  const lines = props.split("\n").filter((line) => line.trim());
  const pairs = lines.map((line) => [line.split("=", 1)[0].trim(), line.split("=").slice(1).join("=").trim()]);
  return {
    name: name.trim(),
    [kind === "event" ? "event" : "page"]: value.trim(),
    ...(pairs.length > 0 ? { props: Object.fromEntries(pairs) } : {}),
    ...(kind === "scroll" ? { scroll_threshold: Number(percent) } : {}),
    ...(currency ? { currency: currency.trim().toUpperCase() } : {}),
  };
}

/** Those of a list, one a line or with commas between. @param {string} text */
export const linesOf = (text) =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter(Boolean);
