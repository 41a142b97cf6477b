/**
 * One breakdown: a table of values, with a bar behind each row in proportion to its visitors.
 */
import { html } from "../vendor/htm-preact.js";
import { EXPANDED_ROWS, PREVIEW_ROWS, SHORT_ROWS } from "../dimensions.js";
import { exactCount, shortCount } from "../format.js";

/** @typedef {import("../api.js").Row} Row */
/** @typedef {import("../dimensions.js").Dimension} Dimension */
/** @typedef {import("../use-resource.js").Resource<Row[]>} Rows */

/** @param {{ dimension: Dimension, rows: Rows, expanded: boolean, onToggle: () => void }} props */
export function Breakdown({ dimension, rows, expanded, onToggle }) {
  const { data, error, stale } = rows;
  const heading = `heading-${dimension.id}`;
  const shown = data?.slice(0, expanded ? EXPANDED_ROWS : PREVIEW_ROWS);
  const expected = dimension.short ? SHORT_ROWS : PREVIEW_ROWS;
  return html`
    <section class="panel breakdown" data-test=${`breakdown-${dimension.id}`} aria-labelledby=${heading}>
      <h2 id=${heading}>${dimension.title}</h2>
      <div
        class="scroll"
        style=${{ "--expected": expected }}
        aria-busy=${stale}
        data-old=${stale && Boolean(data)}
        ...${expanded ? { tabindex: 0, role: "region", "aria-labelledby": heading } : {}}
      >
        ${shown?.length > 0 && html`<${RowTable} dimension=${dimension} rows=${shown} />`}
        ${shown?.length === 0 && html`<p class="nothing">No visits in this period.</p>`}
        ${!shown && (error ? html`<p class="nothing">Not available.</p>` : html`<${Skeleton} rows=${expected} />`)}
      </div>
      ${(expanded || data?.length > PREVIEW_ROWS) &&
      html`<button type="button" class="more" aria-expanded=${expanded} onClick=${onToggle}>
        ${expanded ? "Show fewer" : "Show more"}<span class="unseen"> ${dimension.title}</span>
      </button>`}
    </section>
  `;
}

/** @param {{ dimension: Dimension, rows: Row[] }} props */
function RowTable({ dimension, rows }) {
  const most = Math.max(...rows.map((row) => row.visitors), 1);
  return html`
    <table>
      <thead>
        <tr>
          <th scope="col">${dimension.column}</th>
          <th scope="col" class="number">Visitors</th>
          <th scope="col" class="number">Page views</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${ValueRow} key=${row.value} row=${row} most=${most} name=${dimension.name} />`)}
      </tbody>
    </table>
  `;
}

function ValueRow({ row, most, name }) {
  const text = name ? name(row.value) : row.value;
  return html`
    <tr data-test="row" style=${{ "--share": row.visitors / most }}>
      <th scope="row" data-test="value" data-value=${row.value} title=${text}><span>${text}</span></th>
      ${countCell("visitors", row.visitors)} ${countCell("pageviews", row.pageviews)}
    </tr>
  `;
}

const countCell = (id, count) =>
  html`<td class="number" data-test=${id} data-value=${count} title=${exactCount(count)}>${shortCount(count)}</td>`;

const Skeleton = ({ rows }) => html`
  <div class="rows-skeleton" aria-hidden="true">${Array.from({ length: rows }, (_, at) => html`<i key=${at} />`)}</div>
`;
