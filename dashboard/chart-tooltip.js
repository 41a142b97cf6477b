/**
 * A uPlot plugin: a small box beside the pointer with the numbers of the bucket under it.
 */
import { bucketName, exactCount } from "./format.js";

/** @typedef {import("./api.js").Bucket} Bucket */

const GAP = 14;

/** @param {Bucket[]} buckets in the order of the chart's columns */
export function tooltip(buckets) {
  const box = element("div", "tooltip");
  const title = element("p", "tooltip-title");
  const visitors = element("b");
  const pageviews = element("b");
  box.append(title, line("visitors", "Visitors", visitors), line("pageviews", "Page views", pageviews));
  box.hidden = true;

  const show = (chart) => {
    const bucket = buckets[chart.cursor.idx ?? -1];
    // A bucket to come has no values in any series, and no zeros to show either.
    const drawn = chart.data.slice(1).some((column) => column[chart.cursor.idx ?? -1] != null);
    box.hidden = !bucket || !drawn || chart.cursor.left < 0;
    if (box.hidden) return;
    title.textContent = bucketName(bucket.date);
    visitors.textContent = exactCount(bucket.visitors);
    pageviews.textContent = exactCount(bucket.pageviews);
    place(box, chart);
  };
  return { hooks: { init: (chart) => chart.over.append(box), setCursor: show } };
}

/** Beside the bucket, on the side with room. */
function place(box, chart) {
  const at = chart.valToPos(chart.data[0][chart.cursor.idx], "x");
  const width = chart.over.clientWidth;
  const left = at < width / 2 ? at + GAP : at - GAP - box.offsetWidth;
  box.style.translate = `${Math.round(Math.min(Math.max(left, 0), width - box.offsetWidth))}px 0`;
}

function line(kind, label, value) {
  const row = element("p", `tooltip-line ${kind}`);
  row.append(label, value);
  return row;
}

function element(name, className = "") {
  const made = document.createElement(name);
  made.className = className;
  return made;
}
