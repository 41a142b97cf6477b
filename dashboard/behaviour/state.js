/**
 * What is looked at in the reports of behaviour, as it stands in the address: texts, each only where it is given.
 *
 * What has a closed list of values is left out where it makes no sense; steps, windows and patterns are the server's to
 * judge, whose sentence is shown at their field.
 */
import { DIMENSIONS } from "../dimensions.js";

/** @typedef {Partial<Record<keyof typeof CHECKS, string>>} State */

export const VIEWS = [
  { id: "funnel", label: "Funnel" },
  { id: "retention", label: "Retention" },
  { id: "sequences", label: "Sequences" },
  { id: "flow", label: "Flow" },
];

/** Values that visits have: a page of a funnel's events says little about its steps. */
export const BREAKDOWNS = DIMENSIONS.filter(({ id }) => id !== "pages");

/** `counts` are the API's: a cohort's own interval is the first of them. */
export const INTERVALS = [
  { id: "day", label: "Days", one: "Day", counts: [8, 15, 31] },
  { id: "week", label: "Weeks", one: "Week", counts: [5, 9, 13] },
  { id: "month", label: "Months", one: "Month", counts: [4, 7, 13] },
];

export const DIRECTIONS = [
  { id: "forward", label: "Forward" },
  { id: "backward", label: "Backward" },
];
export const DEPTHS = ["1", "2", "3"];

const MAX_LENGTH = 4096;
const oneOf = (list) => (value) => list.some(({ id }) => id === value);
const isText = (value) => value.length <= MAX_LENGTH;

const CHECKS = {
  show: oneOf(VIEWS),
  steps: (value) => isText(value) && !value.trimStart().startsWith("["),
  window: isText,
  mode: isText,
  by: oneOf(BREAKDOWNS),
  pattern: isText,
  interval: oneOf(INTERVALS),
  count: (value) => /^[1-9]\d?$/.test(value) && Number(value) <= 52,
  page: isText,
  event: isText,
  direction: oneOf(DIRECTIONS),
  depth: (value) => DEPTHS.includes(value),
};

/** @param {URLSearchParams} params @returns {State} */
export const readState = (params) =>
  Object.fromEntries(
    Object.entries(CHECKS).flatMap(([name, isGood]) => {
      const value = params.get(name) ?? "";
      return value !== "" && isGood(value) ? [[name, value]] : [];
    }),
  );

/** @param {URLSearchParams} params takes the state @param {State} state */
export function writeState(params, state) {
  for (const name of Object.keys(CHECKS)) if (state[name]) params.set(name, state[name]);
}
