/**
 * Retention: who is seen for the first time, and how many of them come back in the intervals after.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef } from "../vendor/preact-hooks.js";
import { findInterval, laterColumns, meanOf, usualInterval } from "./cohorts.js";
import { CohortGrid } from "./cohort-grid.js";
import { shareOf } from "./funnel-bars.js";
import { Answer, Choose, Panel, Skeleton } from "./panel.js";
import { useAnswer } from "./questions.js";
import { INTERVALS } from "./state.js";

const LEAD = "Visitors by the interval in which this period first saw them, and how many of them came back later.";

/** @param {import("./behaviour.js").Shown} props */
export function Retention({ route, tick, change, again }) {
  const interval = route.behaviour.interval ?? usualInterval(route);
  const { one, counts } = findInterval(interval);
  const count = route.behaviour.count ?? String(counts[1]);
  const answer = useAnswer("retention", route, { interval, count }, tick);
  // What is shown until the answer comes are cohorts of the interval before.
  const shown = useRef(interval);
  if (!answer.stale) shown.current = interval;
  const offered = [...new Set([...counts, Number(count)])].toSorted((a, b) => a - b);
  const cohorts = answer.data ?? [];
  // Most cohorts cannot be known again for one and the same reason: it is said once. The last one need not say it.
  const notes = [...new Set(cohorts.flatMap(({ note, visitors }) => (note && visitors.length > 1 ? note : [])))];
  return html`
    <${Panel} id="retention" title="Retention" lead=${LEAD}>
      <div class="fields">
        <${Choose}
          id="interval"
          label="Interval"
          value=${interval}
          options=${INTERVALS}
          onChange=${(changed) => change({ interval: changed, count: "" })}
        />
        <${Choose}
          id="count"
          label="How far"
          value=${count}
          options=${offered.map((each) => ({ id: String(each), label: `${each - 1} ${one.toLowerCase()}s later` }))}
          onChange=${(changed) => change({ count: changed })}
        />
      </div>
      <${Answer}
        answer=${answer}
        isRefused=${false}
        said=${sentenceOf(cohorts, one)}
        skeleton=${html`<${Skeleton} rows=${6} />`}
        onRetry=${again}
      >
        ${answer.data &&
        html`
          ${notes.map((note) => html`<p key=${note} class="note" data-test="note">${note}</p>`)}
          ${laterColumns(cohorts) === 0
            ? html`<p class="nothing">The period has no ${one.toLowerCase()} after its first: choose a longer one.</p>`
            : html`<${CohortGrid} cohorts=${cohorts} interval=${findInterval(shown.current)} />`}
        `}
      <//>
    <//>
  `;
}

/** @param {import("./cohorts.js").Cohort[]} cohorts @param {string} one */
function sentenceOf(cohorts, one) {
  const mean = laterColumns(cohorts) > 0 ? meanOf(cohorts, 1) : null;
  const back = mean ? ` ${shareOf(mean.again, mean.size)} came back in the next ${one.toLowerCase()}.` : "";
  return `${cohorts.length} cohorts.${back}`;
}
