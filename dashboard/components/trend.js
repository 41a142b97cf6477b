/**
 * Visitors and page views over time: a chart for the eye, the same numbers as a table for everybody else.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { createChart } from "../chart.js";
import { nothingSaid } from "../filters.js";
import { bucketName, rangeName } from "../format.js";
import { isHourly, siteClock } from "../series.js";
import { ExportMenu } from "./export-menu.js";
import { TrendTable } from "./trend-table.js";

/** @typedef {import("../api.js").Bucket} Bucket */
/** @typedef {import("../api.js").Report} Report */
/** @typedef {Report["earlier"]} Range */

/**
 * @param {object} props
 * @param {import("../url.js").Route} props.route
 * @param {import("../use-resource.js").Resource<Report>} props.overview
 * @param {boolean} props.isGuest
 */
export function Trend({ route, overview, isGuest }) {
  const { data, error, stale } = overview;
  const buckets = data?.timeseries ?? [];
  const earlier = data?.earlier ?? null;
  return html`
    <div class="trend" aria-busy=${stale} data-old=${stale && Boolean(data)}>
      <p class="legend" aria-hidden="true">
        <span class="visitors">Visitors</span><span class="pageviews">Page views</span>
        ${earlier && html`<span class="earlier" data-test="earlier">${rangeName(earlier)}</span>`}
      </p>
      <div class="plot">
        ${buckets.length > 0 && html`<${Plot} buckets=${buckets} earlier=${earlier} zone=${data.timezone} />`}
        ${!data && !error && html`<div class="plot-skeleton" aria-hidden="true"></div>`}
        ${buckets.length === 0 &&
        (data || error) &&
        html`<p class="nothing">${data ? nothingSaid(route.filters) : "Not available."}</p>`}
      </div>
      <div class="trend-foot">
        <${TrendTable} buckets=${buckets} />
        <${ExportMenu} route=${route} isGuest=${isGuest} />
      </div>
    </div>
  `;
}

/** @param {{ buckets: Bucket[], earlier: Range, zone: string | undefined }} props */
function Plot({ buckets, earlier, zone }) {
  const element = useRef(null);
  const dark = useDarkScheme();
  // A refresh that brings the same numbers must not take the tooltip from under the pointer.
  const drawn = JSON.stringify([buckets, earlier]);
  useEffect(() => createChart(element.current, buckets, earlier, siteClock(new Date(), zone)), [drawn, dark]);

  const unit = isHourly(buckets) ? "hour" : "day";
  const range = `${bucketName(buckets[0].date)} to ${bucketName(buckets.at(-1).date)}`;
  const beside = earlier ? `, beside ${rangeName(earlier)}` : "";
  const what = `Chart of visitors and page views per ${unit}, ${range}${beside}.`;
  const label = `${what} The table below has the same numbers.`;
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
