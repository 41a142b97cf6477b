/**
 * The sessions of the period in three numbers, with what they were before.
 */
import { html } from "../vendor/htm-preact.js";
import { Change } from "../components/change.js";
import { describeChange, percentChange } from "../compare.js";
import { NOTHING, asDuration, asRatio, exactCount, shortCount } from "../format.js";
import { useAnswer } from "./questions.js";

const CARDS = [
  { id: "sessions", label: "Sessions", field: "total_sessions", show: shortCount, exact: exactCount },
  { id: "session-duration", label: "Average duration", field: "avg_session_duration_secs", show: asDuration, isMean: true },
  { id: "session-pages", label: "Pages per session", field: "avg_pages_per_session", show: asRatio, isMean: true },
];

/** @param {{ route: import("../url.js").Route, earlier: import("../url.js").Route | null, tick: number }} props */
export function SessionCards({ route, earlier, tick }) {
  const { data, error, stale } = useAnswer("sessions", route, {}, tick);
  const before = useAnswer("sessions", earlier, {}, tick);
  return html`
    <section class="panel" aria-label="Sessions">
      <dl class="headline sessions" aria-busy=${stale} data-old=${stale && Boolean(data)}>
        ${CARDS.map(
          (card) => html`<div key=${card.id} class="card">
            <dt>${card.label}</dt>
            ${data
              ? html`<dd data-test=${card.id} data-value=${data[card.field]} title=${card.exact?.(data[card.field])}>
                  ${shown(card, data)}
                </dd>`
              : html`<dd class=${error ? "missing" : "skeleton"}>${error ? NOTHING : ""}</dd>`}
            ${route.compare && html`<dd class="from">${data && before.data && changeOf(card, data, before.data)}</dd>`}
          </div>`,
        )}
      </dl>
      ${error && html`<p class="problem" role="alert">${error.message}</p>`}
    </section>
  `;
}

/** A mean over no sessions is not zero, it is unknown. */
const shown = ({ field, show, isMean }, data) => (isMean && data.total_sessions === 0 ? NOTHING : show(data[field]));

function changeOf(card, data, before) {
  if (card.isMean && (data.total_sessions === 0 || before.total_sessions === 0)) return NOTHING;
  const change = percentChange(before[card.field], data[card.field]);
  const earlier = (card.exact ?? card.show)(before[card.field]);
  return change === null ? NOTHING : html`<${Change} change=${describeChange(change)} before=${earlier} />`;
}
