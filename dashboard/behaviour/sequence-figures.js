/**
 * The numbers of a sequence: who did it, of how many, how often, and the median times between its steps.
 */
import { html } from "../vendor/htm-preact.js";
import { Change } from "../components/change.js";
import { describeChange, percentChange } from "../compare.js";
import { NOTHING, asDuration, exactCount, shortCount } from "../format.js";
import { shareOf } from "./funnel-bars.js";

/**
 * @typedef {object} Sequence
 * @property {number} converting_visitors
 * @property {number} total_visitors
 * @property {number} conversion_rate fraction
 * @property {number} matches
 * @property {(number | null)[]} median_seconds
 */

/** @param {{ data: Sequence, before?: Sequence }} props */
export function Figures({ data, before }) {
  const { converting_visitors: did, total_visitors: all, matches } = data;
  const change = before && percentChange(before.converting_visitors, did);
  const points = before && Math.round(1000 * (data.conversion_rate - before.conversion_rate)) / 10;
  const figure = (id, label, value, title, from) => html`
    <div class="card">
      <dt>${label}</dt>
      <dd data-test=${id} title=${title}>${value}</dd>
      ${before && html`<dd class="from">${from}</dd>`}
    </div>
  `;
  const moved = (amount, kind, then) =>
    amount === null ? NOTHING : html`<${Change} change=${describeChange(amount, kind)} before=${then} />`;
  const isRate = all > 0 && before?.total_visitors > 0;
  const more = before && moved(change, {}, exactCount(before.converting_visitors));
  const rateBefore = before && shareOf(before.converting_visitors, before.total_visitors);
  const higher = before && moved(isRate ? points : null, { isRate: true }, rateBefore);
  return html`
    <dl class="headline figures">
      ${figure("converting", "Visitors who did it", shortCount(did), exactCount(did), more)}
      ${figure("conversion-rate", `Of ${shortCount(all)} visitors`, shareOf(did, all), exactCount(all), higher)}
      ${figure("matches", "Times it was done", shortCount(matches), exactCount(matches), "")}
    </dl>
  `;
}

/** The steps that a pattern names, in its order; without one all of them. */
const orderOf = (pattern, count) =>
  pattern
    ? [...pattern.matchAll(/\(\?(\d+)\)/g)].map(([, number]) => Number(number) - 1)
    : Array.from({ length: count }, (_, at) => at);

/** @param {{ steps: import("./steps.js").Step[], pattern: string, seconds: (number | null)[] }} props */
export function Times({ steps, pattern, seconds }) {
  const order = orderOf(pattern, steps.length);
  if (seconds.length !== order.length - 1) return null;
  const name = (at) => steps[order[at]]?.value ?? NOTHING;
  return html`
    <table class="times" data-test="times">
      <thead>
        <tr><th scope="col">From one step to the next</th><th scope="col" class="number">Median time</th></tr>
      </thead>
      <tbody>
        ${seconds.map(
          (each, at) => html`<tr key=${at}>
            <th scope="row">${name(at)} → ${name(at + 1)}</th>
            <td class="number">${each === null ? NOTHING : asDuration(each)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  `;
}
