/**
 * A list of what there is: rows while they load, none, some, or why not.
 */
import { html } from "../vendor/htm-preact.js";
import { Failure } from "../components/failure.js";

/**
 * @template T
 * @param {object} props
 * @param {import("../use-resource.js").Resource<T[]>} props.list
 * @param {string} props.label
 * @param {string} props.nothing is said where there are none
 * @param {(each: T) => unknown} props.row
 * @param {() => void} props.onRetry
 * @param {string} props.test
 */
export function Rows({ list, label, nothing, row, onRetry, test }) {
  if (list.error && !list.data) {
    return html`<${Failure} errors=${[list.error]} pending=${list.pending} onRetry=${onRetry} />`;
  }
  if (!list.data) return html`<div class="list-skeleton" aria-hidden="true"><i /><i /></div>`;
  if (list.data.length === 0) return html`<p class="nothing" data-test=${`no-${test}`}>${nothing}</p>`;
  return html`<ul class="list" aria-label=${label} data-test=${test}>
    ${list.data.map(row)}
  </ul>`;
}

/** What is known of a row, each with its name. @param {{ facts: [string, unknown][] }} props */
export const Facts = ({ facts }) => html`
  <dl class="facts">
    ${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>
`;
