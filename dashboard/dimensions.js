/**
 * The breakdowns, in the order in which they are shown: of pages, of where visits come from, of what made them.
 */
import { countryName } from "./format.js";

/**
 * @typedef {object} Dimension
 * @property {string} id last part of the API's address
 * @property {string} title
 * @property {string} one what a filter calls its value
 * @property {string} column heading of the value
 * @property {boolean} [short] whether it has but a few values on any site
 * @property {(value: string) => string} [name] what to show for a value
 */

/** @type {Dimension[]} */
export const DIMENSIONS = [
  { id: "pages", title: "Pages", one: "Page", column: "Path" },
  { id: "entry_pages", title: "Entry pages", one: "Entry page", column: "Path" },
  { id: "exit_pages", title: "Exit pages", one: "Exit page", column: "Path" },
  { id: "sources", title: "Sources", one: "Source", column: "Source" },
  { id: "channels", title: "Channels", one: "Channel", column: "Channel" },
  { id: "countries", title: "Countries", one: "Country", column: "Country", name: countryName },
  { id: "browsers", title: "Browsers", one: "Browser", column: "Browser", short: true },
  { id: "os", title: "Operating systems", one: "System", column: "System", short: true },
  { id: "devices", title: "Devices", one: "Device", column: "Device", short: true },
];

/** @param {string} id of one of DIMENSIONS @returns {Dimension} */
export const findDimension = (id) => DIMENSIONS.find((dimension) => dimension.id === id);

/** Rows of a breakdown whose values are few, where room for ten would stay empty. */
export const SHORT_ROWS = 5;
/** Rows of a breakdown at first; one more is asked for, to know whether there are more. */
export const PREVIEW_ROWS = 10;
/** Rows after "Show more": all that the API gives. */
export const EXPANDED_ROWS = 1000;
