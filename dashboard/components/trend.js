/**
 * Visitors and page views over time: a chart for the eye, the same numbers as a table for everybody else.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { createChart } from "../chart.js";
import { bucketName } from "../format.js";
import { isHourly } from "../series.js";
import { TrendTable } from "./trend-table.js";

/** @typedef {import("../api.js").Bucket} Bucket */

/** @param {{ trend: import("../use-resource.js").Resource<Bucket[]> }} props */
export function Trend({ trend }) {
  const { data, error, stale } = trend;
  const drawn = data?.length > 0;
  return html`
    <div class="trend" aria-busy=${stale} data-old=${stale && Boolean(data)}>
      <p class="legend" aria-hidden="true">
        <span class="visitors">Visitors</span><span class="pageviews">Page views</span>
      </p>
      <div class="plot">
        ${drawn && html`<${Plot} buckets=${data} />`}
        ${!data && !error && html`<div class="plot-skeleton" aria-hidden="true"></div>`}
        ${!drawn &&
        (data || error) &&
        html`<p class="nothing">${data ? "No visits in this period." : "Not available."}</p>`}
      </div>
      <div class="trend-foot">
        <${TrendTable} buckets=${data ?? []} />
      </div>
    </div>
  `;
}

/** @param {{ buckets: Bucket[] }} props */
function Plot({ buckets }) {
  const element = useRef(null);
  const dark = useDarkScheme();
  // A refresh that brings the same numbers must not take the tooltip from under the pointer.
  useEffect(() => createChart(element.current, buckets, new Date()), [JSON.stringify(buckets), dark]);

  const unit = isHourly(buckets) ? "hour" : "day";
  const range = `${bucketName(buckets[0].date)} to ${bucketName(buckets.at(-1).date)}`;
  const label = `Chart of visitors and page views per ${unit}, ${range}. The table below has the same numbers.`;
  return html`<div ref=${element} class="canvas" role="img" aria-label=${label}></div>`;
}

/** The canvas takes its colours from the style sheet once, so it is drawn again when they change. */
function useDarkScheme() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const follow = (event) => setDark(event.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return dark;
}
