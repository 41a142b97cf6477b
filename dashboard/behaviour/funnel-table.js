/**
 * The funnel of each value of a dimension: a row for a value, a column for a step.
 */
import { html } from "../vendor/htm-preact.js";
import { exactCount, shortCount } from "../format.js";
import { shareOf } from "./funnel-bars.js";
import { Answer, Skeleton } from "./panel.js";

/**
 * @param {object} props
 * @param {import("../dimensions.js").Dimension} props.dimension
 * @param {import("./steps.js").Step[]} props.steps
 * @param {import("./questions.js").Resource<{ value: string, steps: { visitors: number }[] }[]>} props.answer
 * @param {() => void} props.onRetry
 */
export function FunnelTable({ dimension, steps, answer, onRetry }) {
  const rows = answer.data?.every((row) => row.steps.length === steps.length) ? answer.data : null;
  const heading = "heading-funnel-table";
  return html`
    <h3 id=${heading}>By ${dimension.one.toLowerCase()}</h3>
    <${Answer}
      answer=${answer}
      isRefused=${false}
      said=${rows ? `${rows.length} rows by ${dimension.one.toLowerCase()}.` : ""}
      skeleton=${html`<${Skeleton} rows=${5} />`}
      onRetry=${onRetry}
    >
      ${rows?.length === 0 && html`<p class="nothing">Nobody took the first step.</p>`}
      ${rows?.length > 0 &&
      html`<div class="wide" tabindex="0" role="region" aria-labelledby=${heading}>
        <table data-test="funnel-table">
          <thead>
            <tr>
              <th scope="col">${dimension.column}</th>
              ${steps.map((step, at) => html`<th key=${at} scope="col" class="number"><span title=${step.value}>${at + 1}. ${step.value}</span></th>`)}
              <th scope="col" class="number">All steps</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map((row) => html`<${ValueRow} key=${row.value} row=${row} name=${dimension.name} />`)}
          </tbody>
        </table>
      </div>`}
    <//>
  `;
}

function ValueRow({ row: { value, steps }, name }) {
  const first = steps[0].visitors;
  const last = steps.at(-1).visitors;
  return html`
    <tr data-test="funnel-row" style=${{ "--share": first > 0 ? last / first : 0 }}>
      <th scope="row">${name ? name(value) : value}</th>
      ${steps.map(
        ({ visitors }, at) => html`<td key=${at} class="number" title=${exactCount(visitors)}>${shortCount(visitors)}</td>`,
      )}
      <td class="number rate-cell"><span>${shareOf(last, first)}</span></td>
    </tr>
  `;
}
