/**
 * The six headline numbers of the period.
 */
import { html } from "../vendor/htm-preact.js";
import { NOTHING, asDuration, asPercent, asRatio, exactCount, shortCount } from "../format.js";

/** @typedef {import("../api.js").Headline} HeadlineData */

/** A rate over no visits is not zero, it is unknown. */
const perVisit = (show) => (value, data) => (data.visits > 0 ? show(value) : NOTHING);

const CARDS = [
  { id: "unique-visitors", label: "Unique visitors", field: "unique_visitors", show: shortCount, exact: exactCount },
  { id: "total-pageviews", label: "Page views", field: "total_pageviews", show: shortCount, exact: exactCount },
  { id: "visits", label: "Visits", field: "visits", show: shortCount, exact: exactCount },
  { id: "views-per-visit", label: "Views per visit", field: "views_per_visit", show: perVisit(asRatio) },
  { id: "bounce-rate", label: "Bounce rate", field: "bounce_rate", show: perVisit(asPercent) },
  { id: "visit-duration", label: "Visit duration", field: "avg_visit_duration_secs", show: perVisit(asDuration) },
];

/** @param {{ headline: import("../use-resource.js").Resource<HeadlineData> }} props */
export function Headline({ headline }) {
  const { data, error, stale } = headline;
  return html`
    <dl class="headline" aria-busy=${stale} data-old=${stale && Boolean(data)}>
      ${CARDS.map(
        (card) => html`<div key=${card.id} class="card">
          <dt>${card.label}</dt>
          ${data ? valueOf(card, data) : html`<dd class=${error ? "missing" : "skeleton"}>${error ? NOTHING : ""}</dd>`}
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
