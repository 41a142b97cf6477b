/**
 * The numbers behind the chart, folded away until they are wanted.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { bucketName, exactCount } from "../format.js";
import { isHourly } from "../series.js";

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

const Rows = ({ buckets }) => html`
  <div class="scroll" tabindex="0" role="region" aria-label="Visitors and page views over time">
    <table>
      <thead>
        <tr>
          <th scope="col">${isHourly(buckets) ? "Hour" : "Day"}</th>
          <th scope="col" class="number">Visitors</th>
          <th scope="col" class="number">Page views</th>
        </tr>
      </thead>
      <tbody>
        ${buckets.map(
          (bucket) => html`<tr key=${bucket.date}>
            <th scope="row">${bucketName(bucket.date)}</th>
            <td class="number">${exactCount(bucket.visitors)}</td>
            <td class="number">${exactCount(bucket.pageviews)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>
`;
