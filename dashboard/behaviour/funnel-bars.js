/**
 * The steps of a funnel as bars: who came so far, and, hatched, who left since the step before.
 */
import { html } from "../vendor/htm-preact.js";
import { Change } from "../components/change.js";
import { describeChange } from "../compare.js";
import { NOTHING, counted, exactCount, shortCount } from "../format.js";
import { KINDS } from "./steps.js";

const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

/** @param {number} part @param {number} whole @returns {string} */
export const shareOf = (part, whole) => (whole > 0 ? percent.format(part / whole) : NOTHING);

/** @param {{ steps: import("./steps.js").Step[], counts: number[], before: number[] | null }} props */
export function FunnelBars({ steps, counts, before }) {
  const first = counts[0];
  return html`
    <p class="rate">
      <b data-test="funnel-rate">${shareOf(counts.at(-1), first)}</b>
      <span> took all steps: ${shortCount(counts.at(-1))} of ${shortCount(first)} visitors</span>
      ${before && html` ${rateChange(counts, before)}`}
    </p>
    <ol class="bars">
      ${steps.map(
        (step, at) => html`<${Bar}
          key=${at}
          step=${step}
          at=${at}
          count=${counts[at]}
          last=${at > 0 ? counts[at - 1] : counts[0]}
          first=${first}
          before=${before?.[at]}
        />`,
      )}
    </ol>
  `;
}

function rateChange(counts, before) {
  if (counts[0] === 0 || before[0] === 0) return html`<span class="from">${NOTHING}</span>`;
  const [now, then] = [counts.at(-1) / counts[0], before.at(-1) / before[0]];
  const points = Math.round(1000 * (now - then)) / 10;
  return html`<${Change} change=${describeChange(points, { isRate: true })} before=${shareOf(before.at(-1), before[0])} />`;
}

function Bar({ step, at, count, last, first, before }) {
  const lost = last - count;
  const kind = KINDS.find(({ id }) => id === step.kind)?.label ?? step.kind;
  const of = (part) => (first > 0 ? part / first : 0);
  return html`
    <li data-test="funnel-step" data-value=${count}>
      <p class="bar-name"><span class="bar-kind">${kind}</span> <b title=${step.value}>${step.value}</b></p>
      <p class="bar-count">
        <b title=${exactCount(count)}>${shortCount(count)}</b>
        <span class="unseen"> ${counted(count, "visitor", "visitors")}, </span>
        <span class="bar-share">${shareOf(count, first)}</span>
      </p>
      <div class="bar" style=${{ "--share": of(count), "--lost": of(lost) }} aria-hidden="true"><i /><i class="lost" /></div>
      <p class="bar-foot">
        <span>${at > 0 && `${shortCount(lost)} left before this step (${shareOf(lost, last)})`}</span>
        ${before !== undefined && html`<span>${exactCount(before)} before</span>`}
      </p>
    </li>
  `;
}
