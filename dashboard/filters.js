/**
 * Filters: one value of one breakdown each, as they stand in the address and as the API is asked for them.
 *
 * In the address each is an `f` of its own, `f=is,sources,Google`; the value comes last, so that it may hold commas.
 */
import { DIMENSIONS, findDimension } from "./dimensions.js";

/** @typedef {"is" | "is_not"} Operator */
/** @typedef {{ operator: Operator, dimension: string, value: string }} Filter */
/** @typedef {import("./url.js").Route} Route */

/** More than anybody clicks together, and far less than the API takes. */
const MAX_FILTERS = 20;
const MAX_VALUE_LENGTH = 2048;

const NAMED = new RegExp(`^(is|is_not),(${DIMENSIONS.map(({ id }) => id).join("|")}),(.+)$`, "s");

/** @param {Filter} filter one to find in `filters`, whatever its operator @param {Filter[]} filters */
const indexOf = (filters, { dimension, value }) =>
  filters.findIndex((each) => each.dimension === dimension && each.value === value);

/** Those of an address; what is none is left out, and so is a second one of a value. @param {URLSearchParams} params */
export function readFilters(params) {
  /** @type {Filter[]} */
  const filters = [];
  for (const text of params.getAll("f")) {
    const [, operator, dimension, value = ""] = NAMED.exec(text) ?? [];
    const filter = { operator, dimension, value };
    const fits = value !== "" && value.length <= MAX_VALUE_LENGTH;
    if (fits && filters.length < MAX_FILTERS && indexOf(filters, filter) < 0) filters.push(filter);
  }
  return filters;
}

/** @param {Filter} filter the text that `readFilters` reads */
export const writeFilter = ({ operator, dimension, value }) => `${operator},${dimension},${value}`;

/** As the API takes them; "" where there are none. @param {Filter[]} filters */
export const filterText = (filters) =>
  filters.length > 0
    ? JSON.stringify(filters.map(({ operator, dimension, value }) => [operator, dimension, [value]]))
    : "";

/** What `filterText` wrote; null for filters that only the API can say. @param {string} text */
export function readFilterText(text) {
  if (text === "") return [];
  const filters = JSON.parse(text).map(([operator, dimension, values]) => ({ operator, dimension, value: values?.[0] }));
  return filterText(filters) === text && filters.every((each) => NAMED.test(writeFilter(each))) ? filters : null;
}

/** All must hold. @param {Route} route @returns {Record<string, string>} */
export const filterParams = ({ filters }) => (filters.length > 0 ? { filters: filterText(filters) } : {});

/** Adds a filter by a row; a row that is filtered by already loses its filter. @param {Filter[]} filters */
export function toggled(filters, dimension, value) {
  const filter = { operator: "is", dimension, value };
  const at = indexOf(filters, filter);
  if (at >= 0) return filters.toSpliced(at, 1);
  return filters.length < MAX_FILTERS ? [...filters, filter] : filters;
}

/** `is` becomes `is not`, and back. @param {Filter[]} filters @param {number} at */
export function turned(filters, at) {
  const operator = filters[at].operator === "is" ? "is_not" : "is";
  return filters.with(at, { ...filters[at], operator });
}

/** The values of a breakdown that are filtered by. @param {Filter[]} filters @param {string} dimension */
export const chosenValues = (filters, dimension) =>
  new Set(filters.filter((each) => each.operator === "is" && each.dimension === dimension).map((each) => each.value));

/** @param {Filter[]} filters what is said where nothing is left to show */
export const nothingSaid = (filters) =>
  filters.length > 0 ? "No visits match the filters." : "No visits in this period.";

/** The three words of a filter, as in "Source is Google". @param {Filter} filter */
export function wordsOf({ operator, dimension, value }) {
  const { one, name } = findDimension(dimension);
  return { dimension: one, operator: operator.replace("_", " "), value: name ? name(value) : value };
}

/** @param {Filter} filter */
export const sentenceOf = (filter) => Object.values(wordsOf(filter)).join(" ");
