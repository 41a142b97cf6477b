/**
 * Numbers, durations, days and countries as a reader of the browser's locale expects them.
 */
export const NOTHING = "–";

const plain = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const signed = new Intl.NumberFormat(undefined, { style: "percent", signDisplay: "exceptZero" });
const ratio = new Intl.NumberFormat(undefined, { minimumFractionDigits: 0, maximumFractionDigits: 2 });
const countries = new Intl.DisplayNames(undefined, { type: "region", fallback: "code" });

/** Below this a number is short enough to be written out. */
const COMPACT_FROM = 10_000;

export const exactCount = (count) => plain.format(count);
export const shortCount = (count) => (count < COMPACT_FROM ? plain : compact).format(count);
export const asPercent = (fraction) => percent.format(fraction);
/** @param {number} change in percent */
export const signedPercent = (change) => signed.format(change / 100);
export const asRatio = (value) => ratio.format(value);

/** @param {number} seconds */
export function asDuration(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${rest}s` : `${rest}s`;
}

const megabytes = new Intl.NumberFormat(undefined, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });

/** A little is never nothing. @param {number} bytes */
export const asMegabytes = (bytes) =>
  0 < bytes && bytes < 100_000 ? `< ${megabytes.format(0.1)}` : megabytes.format(bytes / 1_000_000);

/** @param {number} count @param {string} one @param {string} many */
export const counted = (count, one, many) => (count === 1 ? one : many);

/** @param {string} code ISO 3166 alpha-2, or a word such as (unknown) */
export const countryName = (code) => (/^[A-Z]{2}$/.test(code) ? countries.of(code) : code);

// Labels of buckets are already in the site's time zone: they are read and written as UTC so that none is shifted.
const dates = (options) => new Intl.DateTimeFormat(undefined, { timeZone: "UTC", ...options });
const longDay = dates({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const longHour = dates({ weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const axisHour = dates({ hour: "numeric", minute: "2-digit" });
const axisDay = dates({ day: "numeric", month: "short" });
const axisMonth = dates({ month: "short", year: "numeric" });
const axisYear = dates({ year: "numeric" });

const DAY_SECONDS = 86_400;

/** @param {string} label a bucket's date @returns {number} seconds */
export function bucketSeconds(label) {
  const [day, time = "00:00"] = label.split(" ");
  return Date.parse(`${day}T${time}Z`) / 1000;
}

/** @param {string} label a bucket's date */
export const bucketName = (label) => (label.length > 10 ? longHour : longDay).format(bucketSeconds(label) * 1000);

const ownDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const plainDay = dates({ day: "numeric", month: "short", year: "numeric" });

/** The day of a moment where the reader is, or a date as it stands. @param {string} text RFC 3339, or YYYY-MM-DD */
export const dayName = (text) => (text.length === 10 ? plainDay : ownDay).format(new Date(text));

const ownMoment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A moment where the reader is. @param {string} text RFC 3339 */
export const momentName = (text) => ownMoment.format(new Date(text));

/** The day (UTC) that something ends with. @param {string} end RFC 3339, the first moment after it */
export const lastDay = (end) => plainDay.format(Date.parse(end) - 1000);

const dayRange = dates({ day: "numeric", month: "short", year: "numeric" });

/** @param {{ from: string, to: string }} range two days, the last included */
export const rangeName = ({ from, to }) => dayRange.formatRange(bucketSeconds(from) * 1000, bucketSeconds(to) * 1000);

/** A label of the time axis. @param {number} seconds @param {number} step seconds between labels */
export function axisLabel(seconds, step) {
  const format =
    step < DAY_SECONDS ? axisHour : step < 28 * DAY_SECONDS ? axisDay : step < 365 * DAY_SECONDS ? axisMonth : axisYear;
  return format.format(seconds * 1000);
}
