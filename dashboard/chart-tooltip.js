/**
 * A uPlot plugin: a small box beside the pointer with the numbers of the bucket under it.
 */
import { NOTHING, bucketName, exactCount } from "./format.js";
import { addDays, daysBetween } from "./period.js";

/** @typedef {import("./api.js").Bucket} Bucket */

const GAP = 14;

/**
 * @param {Bucket[]} buckets in the order of the chart's columns
 * @param {import("./api.js").Report["earlier"]} earlier
 */
export function tooltip(buckets, earlier) {
  const box = element("div", "tooltip");
  box.hidden = true;

  const show = (chart) => {
    const at = chart.cursor.idx ?? -1;
    const drawn = chart.data.slice(1).map((column) => column[at] != null);
    box.hidden = chart.cursor.left < 0 || !drawn.includes(true);
    if (box.hidden) return;
    // A bucket to come has no numbers but earlier ones, and no zeros to show either.
    const isOver = drawn.slice(-4).includes(true);
    box.replaceChildren(...lines(buckets[at], isOver), ...(earlier ? earlierLines(buckets, at, earlier) : []));
    place(box, chart);
  };
  return { hooks: { init: (chart) => chart.over.append(box), setCursor: show } };
}

/** @param {Bucket} bucket @param {boolean} isOver */
function lines({ date, visitors, pageviews }, isOver) {
  const shown = (count) => (isOver ? exactCount(count) : NOTHING);
  return views(bucketName(date), "", shown(visitors), shown(pageviews));
}

function earlierLines(buckets, at, { from }) {
  const { date, previous } = buckets[at];
  const day = addDays(from, daysBetween(buckets[0].date.slice(0, 10), date.slice(0, 10)));
  const shown = (count) => (previous ? exactCount(count) : NOTHING);
  return views(bucketName(day + date.slice(10)), " earlier", shown(previous?.visitors), shown(previous?.pageviews));
}

function views(title, kind, visitors, pageviews) {
  return [
    element("p", `tooltip-title${kind}`, title),
    line(`visitors${kind}`, "Visitors", visitors),
    line(`pageviews${kind}`, "Page views", pageviews),
  ];
}

/** Beside the bucket, on the side with room. */
function place(box, chart) {
  const at = chart.valToPos(chart.data[0][chart.cursor.idx], "x");
  const width = chart.over.clientWidth;
  const left = at < width / 2 ? at + GAP : at - GAP - box.offsetWidth;
  box.style.translate = `${Math.round(Math.min(Math.max(left, 0), width - box.offsetWidth))}px 0`;
}

function line(kind, label, text) {
  const row = element("p", `tooltip-line ${kind}`, label);
  row.append(element("b", "", text));
  return row;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
