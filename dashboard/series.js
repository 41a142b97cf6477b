/**
 * Turns buckets into the columns of the chart, so that a bucket that is not over yet does not look like a fall.
 */
import { bucketSeconds } from "./format.js";

/** @typedef {import("./api.js").Bucket} Bucket */
/** @typedef {(number | null)[]} Column */

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;

/** @param {Bucket[]} buckets */
export const isHourly = (buckets) => buckets.length > 0 && buckets[0].date.length > 10;

/** @param {Bucket[]} buckets */
export const isCompared = (buckets) => buckets.some((bucket) => bucket.previous);

/**
 * The site's clock, written as if it were UTC's: that is how the labels of buckets are read.
 *
 * @param {Date} now @param {string} [zone] of the tz database; one that this browser does not know is UTC
 */
export function siteClock(now, zone = "UTC") {
  try {
    const text = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(now);
    return new Date(`${text.replace(" ", "T")}Z`);
  } catch {
    return now;
  }
}

/**
 * Each metric is two columns: the finished buckets, and the last finished one with the current one, drawn dashed.
 * Buckets of the future are null. Earlier numbers, where there are any, come before them, one column each.
 *
 * @param {Bucket[]} buckets @param {Date} now by the site's clock
 */
export function toColumns(buckets, now) {
  const step = isHourly(buckets) ? HOUR_SECONDS : DAY_SECONDS;
  const seconds = now.getTime() / 1000;
  const x = buckets.map((bucket) => bucketSeconds(bucket.date));
  const current = x.findIndex((start) => start <= seconds && seconds < start + step);
  const finished = (metric) => buckets.map((bucket, at) => (x[at] + step <= seconds ? bucket[metric] : null));
  const unfinished = (metric) =>
    buckets.map((bucket, at) => (current >= 0 && (at === current || at === current - 1) ? bucket[metric] : null));
  const earlier = (metric) => buckets.map((bucket) => bucket.previous?.[metric] ?? null);
  return {
    step,
    // One value makes no line: it needs a point to be seen, as in the first hour of a day.
    lone: buckets.length === 1 || current === 0,
    columns: [
      x,
      ...(isCompared(buckets) ? [earlier("pageviews"), earlier("visitors")] : []),
      finished("pageviews"),
      unfinished("pageviews"),
      finished("visitors"),
      unfinished("visitors"),
    ],
  };
}
