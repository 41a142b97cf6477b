/**
 * The time series, drawn by uPlot with the colours of the style sheet and the labels of the browser's locale.
 */
import uPlot from "./vendor/uplot.js";
import { tooltip } from "./chart-tooltip.js";
import { axisLabel, shortCount } from "./format.js";
import { isCompared, toColumns } from "./series.js";

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
 * @param {import("./api.js").Report["earlier"]} earlier the days of what was before, where it is drawn too
 * @param {Date} now
 * @returns {() => void} takes the chart away
 */
export function createChart(element, buckets, earlier, now) {
  const { columns, step, lone } = toColumns(buckets, now);
  const sizeOf = () => ({ width: element.clientWidth, height: element.clientHeight });
  const plugins = [tooltip(buckets, earlier)];
  const shape = { ...sizeOf(), ...options(element, step), series: series(element, buckets, lone), plugins };
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

function options(element, step) {
  const color = colorsOf(element);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: color("--muted"), font, ticks: { show: false } };
  return {
    padding: [10, 20, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8, width: 2 }, move: toNearestBucket },
    scales: {
      x: { range: (_, from, to) => (from === to ? [from - step, from + step] : [from, to]) },
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
  };
}

/** In the order of the columns: what is earlier lies below. */
function series(element, buckets, lone) {
  const color = colorsOf(element);
  const width = buckets.length > MANY_BUCKETS ? 1 : 2;
  const line = (stroke, more = {}) => ({ stroke, width, points: { show: lone, size: 7, fill: stroke }, ...more });
  const unfinished = { dash: [4, 4] };
  const earlier = { dash: [2, 4], width: 1.5 };
  const visitors = { fill: color("--visitors-fill") };
  return [
    {},
    ...(isCompared(buckets)
      ? [line(color("--pageviews-earlier"), earlier), line(color("--visitors-earlier"), earlier)]
      : []),
    line(color("--pageviews")),
    line(color("--pageviews"), unfinished),
    line(color("--visitors"), visitors),
    line(color("--visitors"), { ...unfinished, ...visitors }),
  ];
}

function colorsOf(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}
