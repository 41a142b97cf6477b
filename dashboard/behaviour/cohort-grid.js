/**
 * The cohorts as a table: a number in each cell, and a colour behind it that says the same.
 */
import { html } from "../vendor/htm-preact.js";
import { NOTHING, exactCount, shortCount } from "../format.js";
import { intervalName, laterColumns, meanOf } from "./cohorts.js";

const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

/** @param {{ cohorts: import("./cohorts.js").Cohort[], interval: import("./state.js").INTERVALS[number] }} props */
export function CohortGrid({ cohorts, interval }) {
  const columns = Array.from({ length: laterColumns(cohorts) }, (_, at) => at + 1);
  const most = Math.max(...columns.map((column) => Math.max(...cohorts.map((cohort) => shareAt(cohort, column) ?? 0))));
  const rows = cohorts.toReversed();
  return html`
    <div class="wide cohorts" tabindex="0" role="region" aria-label="Cohorts">
      <table data-test="cohorts">
        <thead>
          <tr>
            <th scope="col">First seen</th>
            <th scope="col" class="number">Visitors</th>
            ${columns.map((column) => html`<th key=${column} scope="col" class="number">${interval.one} ${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          <tr class="mean" data-test="mean">
            <th scope="row">All</th>
            <td class="number">${shortCount(cohorts.reduce((sum, { cohort_size: size }) => sum + size, 0))}</td>
            ${columns.map((column) => html`<${Cell} key=${column} mean=${meanOf(cohorts, column)} most=${most} />`)}
          </tr>
          ${rows.map(
            (cohort) => html`<tr key=${cohort.cohort_date} data-test="cohort">
              <th scope="row">${intervalName(cohort.cohort_date, interval.id)}</th>
              <td class="number" title=${exactCount(cohort.cohort_size)}>${shortCount(cohort.cohort_size)}</td>
              ${columns.map((column) => html`<${Cell} key=${column} ...${cellOf(cohort, column)} most=${most} />`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** A fraction; null where nobody can be counted. */
const shareAt = ({ visitors, cohort_size: size, note }, column) =>
  visitors.length > column && size > 0 && !note ? visitors[column] / size : null;

function cellOf(cohort, column) {
  const share = shareAt(cohort, column);
  if (share !== null) return { mean: { share, again: cohort.visitors[column], size: cohort.cohort_size } };
  return { mean: null, isAhead: cohort.visitors.length <= column };
}

/**
 * @param {object} props
 * @param {{ share: number, again: number, size: number } | null} props.mean
 * @param {number} props.most the largest share there is: small differences among small shares are to be seen, too
 * @param {boolean} [props.isAhead] whether it has not been yet
 */
function Cell({ mean, most, isAhead = false }) {
  if (isAhead) return html`<td class="ahead"></td>`;
  if (!mean) return html`<td class="number heat" title="Not known">${NOTHING}</td>`;
  const { share, again, size } = mean;
  return html`
    <td
      class="number heat"
      data-test="cell"
      style=${{ "--heat": most > 0 ? share / most : 0 }}
      title=${`${exactCount(again)} of ${exactCount(size)} visitors`}
    >
      <b>${percent.format(share)}</b><small>${shortCount(again)}</small>
    </td>
  `;
}
