/**
 * The six headline numbers of the period.
 */
import { html } from "../vendor/htm-preact.js";
import { describeChange } from "../compare.js";
import { NOTHING, asDuration, asPercent, asRatio, exactCount, shortCount } from "../format.js";
import { Change } from "./change.js";

/** @typedef {import("../api.js").Main} Main */

/** A rate over no visits is not zero, it is unknown. */
const perVisit = (show) => ({ isPerVisit: true, show: (value, data) => (data.visits > 0 ? show(value) : NOTHING) });
const count = { show: shortCount, exact: exactCount };

const CARDS = [
  { id: "unique-visitors", label: "Unique visitors", field: "unique_visitors", ...count },
  { id: "total-pageviews", label: "Page views", field: "total_pageviews", ...count },
  { id: "visits", label: "Visits", field: "visits", ...count },
  { id: "views-per-visit", label: "Views per visit", field: "views_per_visit", ...perVisit(asRatio) },
  {
    id: "bounce-rate",
    label: "Bounce rate",
    field: "bounce_rate",
    isRate: true,
    lessIsBetter: true,
    ...perVisit(asPercent),
  },
  { id: "visit-duration", label: "Visit duration", field: "avg_visit_duration_secs", ...perVisit(asDuration) },
];

/** @param {{ headline: import("../use-resource.js").Resource<Main> }} props */
export function Headline({ headline }) {
  const { data, error, stale } = headline;
  return html`
    <dl class="headline" aria-busy=${stale} data-old=${stale && Boolean(data)}>
      ${CARDS.map(
        (card) => html`<div key=${card.id} class="card">
          <dt>${card.label}</dt>
          ${data ? valueOf(card, data) : html`<dd class=${error ? "missing" : "skeleton"}>${error ? NOTHING : ""}</dd>`}
          ${data?.change && html`<dd class="from">${changeOf(card, data)}</dd>`}
        </div>`,
      )}
    </dl>
  `;
}

function valueOf(card, data) {
  const value = data[card.field];
  const title = card.exact?.(value);
  return html`<dd data-test=${card.id} data-value=${value} title=${title}>${card.show(value, data)}</dd>`;
}

function changeOf(card, { visits, comparison, change }) {
  // Between a rate and nothing there is no change to speak of, whatever the arithmetic says.
  const isLone = card.isPerVisit && (visits === 0 || comparison.visits === 0);
  if (isLone || change[card.field] === undefined) return NOTHING;
  const before = (card.exact ?? card.show)(comparison[card.field], comparison);
  return html`<${Change} change=${describeChange(change[card.field], card)} before=${before} />`;
}
