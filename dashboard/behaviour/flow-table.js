/**
 * The pages of a flow as a table with bars; those that come after a page stand below it, set in.
 */
import { html } from "../vendor/htm-preact.js";
import { exactCount, shortCount } from "../format.js";

/** @typedef {{ visitors: number, next_page?: string | null, previous_page?: string | null, next?: Row[], previous?: Row[] }} Row */
/** @typedef {{ key: string, page: string | null, isAfter: boolean, visitors: number, level: number, over: string[] }} Line */

/** @param {Row[]} rows @param {string[]} over the pages above @returns {Line[]} */
function linesOf(rows, over = []) {
  return rows.flatMap((row) => {
    const isAfter = row.next_page !== undefined;
    const page = isAfter ? row.next_page : row.previous_page;
    const line = { key: JSON.stringify([...over, page]), page, isAfter, visitors: row.visitors, level: over.length, over };
    return [line, ...(page === null ? [] : linesOf(row.next ?? row.previous ?? [], [...over, page]))];
  });
}

/** @param {{ rows: Row[], label: string, onMove: (page: string) => void }} props */
export function FlowTable({ rows, label, onMove }) {
  if (rows.length === 0) return html`<p class="nothing">Nobody was there in this period.</p>`;
  // Ends have no bar: mostly they are so many that no page's bar could be seen beside theirs.
  const lines = linesOf(rows);
  const most = Math.max(...lines.map(({ page, visitors }) => (page === null ? 0 : visitors)), 1);
  return html`
    <table class="flow" aria-label=${label} data-test="flow-table">
      <thead>
        <tr><th scope="col">Page</th><th scope="col" class="number">Visitors</th></tr>
      </thead>
      <tbody>
        ${lines.map((line) => html`<${FlowRow} key=${line.key} line=${line} most=${most} onMove=${onMove} />`)}
      </tbody>
    </table>
  `;
}

/** @param {{ line: Line, most: number, onMove: (page: string) => void }} props */
function FlowRow({ line: { page, isAfter, visitors, level, over }, most, onMove }) {
  const end = isAfter ? "No further page" : "No page before";
  return html`
    <tr data-test="flow-row" data-level=${level} style=${{ "--share": page === null ? 0 : visitors / most, "--level": level }}>
      <th scope="row">
        ${level > 0 && html`<span class="unseen">${isAfter ? "after" : "before"} ${over.join(", ")}: </span>`}
        ${page?.startsWith("/")
          ? html`<button type="button" title=${`Go on from ${page}`} onClick=${() => onMove(page)}>${page}</button>`
          : html`<span class="end">${page ?? end}</span>`}
      </th>
      <td class="number" title=${exactCount(visitors)}>${shortCount(visitors)}</td>
    </tr>
  `;
}
