/**
 * The numbers behind the chart, folded away until they are wanted.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { NOTHING, bucketName, exactCount } from "../format.js";
import { isCompared, isHourly } from "../series.js";

/** @param {{ buckets: import("../api.js").Bucket[] }} props */
export function TrendTable({ buckets }) {
  const [open, setOpen] = useState(false);
  return html`
    <details class="trend-table" data-test="trend-table" onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>Show as a table</summary>
      ${
        // "All time" can be thousands of rows: they are made only for somebody who looks.
        open && html`<${Rows} buckets=${buckets} />`
      }
    </details>
  `;
}

function Rows({ buckets }) {
  const compared = isCompared(buckets);
  const metrics = ["Visitors", "Page views"];
  const headings = compared ? metrics.flatMap((metric) => [metric, `${metric} before`]) : metrics;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Visitors and page views over time">
      <table>
        <thead>
          <tr>
            <th scope="col">${isHourly(buckets) ? "Hour" : "Day"}</th>
            ${headings.map((heading) => html`<th key=${heading} scope="col" class="number">${heading}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${buckets.map(
            (bucket) => html`<tr key=${bucket.date}>
              <th scope="row">${bucketName(bucket.date)}</th>
              ${cells(bucket, "visitors", compared)} ${cells(bucket, "pageviews", compared)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

const cells = (bucket, metric, compared) => html`
  <td class="number">${exactCount(bucket[metric])}</td>
  ${compared && html`<td class="number before">${bucket.previous ? exactCount(bucket.previous[metric]) : NOTHING}</td>`}
`;
