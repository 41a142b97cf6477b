/**
 * The time series, drawn by uPlot with the colours of the style sheet and the labels of the browser's locale.
 */
import uPlot from "./vendor/uplot.js";
import { tooltip } from "./chart-tooltip.js";
import { axisLabel, shortCount } from "./format.js";
import { toColumns } from "./series.js";

/** @typedef {import("./api.js").Bucket} Bucket */

const HOUR = 3600;
const DAY = 86_400;
const HOUR_STEPS = [1, 2, 3, 4, 6, 8, 12].map((hours) => hours * HOUR);
const DAY_STEPS = [1, 2, 3, 5, 7, 10, 15, 30, 60, 90, 180, 365, 730, 1825].map((days) => days * DAY);
const COUNT_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((unit) => unit * 10 ** power)).flat();

const LABEL_WIDTH = 76;
const DIGIT_WIDTH = 7;
/** A quiet site's axis still reaches this far, so that one visitor does not look like a crowd. */
const LEAST_TOP = 4;
/** From here on thick lines run into each other. */
const MANY_BUCKETS = 200;

/**
 * @param {HTMLElement} element its size is followed
 * @param {Bucket[]} buckets at least one
 * @param {Date} now
 * @returns {() => void} takes the chart away
 */
export function createChart(element, buckets, now) {
  const { columns, step, lone } = toColumns(buckets, now);
  const sizeOf = () => ({ width: element.clientWidth, height: element.clientHeight });
  const shape = { ...sizeOf(), ...options(element, buckets.length, step, lone), plugins: [tooltip(buckets)] };
  const chart = new uPlot(shape, columns, element);
  const observer = new ResizeObserver(() => chart.setSize(sizeOf()));
  observer.observe(element);
  return () => {
    observer.disconnect();
    chart.destroy();
  };
}

/** The line stands on the bucket whose numbers are shown, not between two. */
function toNearestBucket(chart, left, top) {
  if (left < 0) return [left, top];
  return [Math.round(chart.valToPos(chart.data[0][chart.posToIdx(left)], "x")), top];
}

function options(element, count, step, lone) {
  const style = getComputedStyle(element);
  const color = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const single = count === 1;
  const width = count > MANY_BUCKETS ? 1 : 2;
  const axis = { stroke: color("--muted"), font, ticks: { show: false } };
  const line = (stroke, more = {}) => ({ stroke, width, points: { show: lone, size: 7, fill: stroke }, ...more });
  const unfinished = { dash: [4, 4] };
  return {
    padding: [10, 20, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8, width: 2 }, move: toNearestBucket },
    scales: {
      x: { range: (_, from, to) => (single ? [from - step, from + step] : [from, to]) },
      y: { range: (_, __, most) => [0, Math.max((most ?? 0) * 1.05, LEAST_TOP)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: LABEL_WIDTH,
        size: 36,
        gap: 9,
        incrs: step === HOUR ? HOUR_STEPS : DAY_STEPS,
        values: (_, splits, __, ___, found) => splits.map((seconds) => axisLabel(seconds, found)),
      },
      {
        ...axis,
        grid: { stroke: color("--line"), width: 1 },
        space: 38,
        size: (_, labels) => 18 + DIGIT_WIDTH * Math.max(2, ...(labels ?? []).map((label) => label.length)),
        incrs: COUNT_STEPS,
        values: (_, splits) => splits.map(shortCount),
      },
    ],
    series: [
      {},
      line(color("--pageviews")),
      line(color("--pageviews"), unfinished),
      line(color("--visitors"), { fill: color("--visitors-fill") }),
      line(color("--visitors"), { ...unfinished, fill: color("--visitors-fill") }),
    ],
  };
}
