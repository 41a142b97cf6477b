/**
 * One site in one period: all its numbers are asked for at once, and again while they grow.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { DIMENSIONS } from "../dimensions.js";
import { chosenValues, nothingSaid, sentenceOf, toggled } from "../filters.js";
import { includesToday } from "../period.js";
import { usePoll } from "../use-poll.js";
import { partOf, useReport } from "../use-report.js";
import { BehaviourPlace } from "./behaviour-place.js";
import { Breakdown } from "./breakdown.js";
import { Definitions } from "./definitions.js";
import { Failure } from "./failure.js";
import { Headline } from "./headline.js";
import { HowCounted } from "./how-counted.js";
import { Incomplete } from "./incomplete.js";
import { Install } from "./install.js";
import { KeptCounts } from "./kept-counts.js";
import { Live } from "./live.js";
import { ReportTabs } from "./report-tabs.js";
import { Trend } from "./trend.js";

const REFRESH_SECONDS = 60;

/** @typedef {import("../url.js").Route} Route */

/**
 * The list of sites is the page's, but where it fails it mostly fails as the numbers do: both are told in one place.
 *
 * @param {object} props
 * @param {Route} props.route
 * @param {import("../use-resource.js").Resource<unknown>} props.sites
 * @param {boolean} props.isGuest somebody who may look at numbers and nothing else
 * @param {(change: Partial<Route>) => void} props.onGo
 * @param {(filters: import("../filters.js").Filter[]) => void} props.onFilter
 * @param {() => void} props.onReload
 */
export function Report({ route, sites, isGuest, onGo, onFilter, onReload }) {
  const isBehaviour = route.view === "behaviour";
  const [tick, setTick] = useState(0);
  const [opened, setOpened] = useState(new Set());
  const { overview, lists, errors, pending } = useReport(route, tick, opened, !isBehaviour);

  const reload = () => setTick((old) => old + 1);
  const retry = () => {
    reload();
    onReload();
  };
  usePoll(() => pending || reload(), includesToday(route, new Date()) ? REFRESH_SECONDS : 0);

  const failures = sites.error ? [sites.error, ...errors] : errors;
  if (overview.data && !overview.data.installed) {
    if (isGuest) return html`<p class="nothing" data-test="empty">Nothing has been counted for ${route.site} yet.</p>`;
    return html`<${Install} site=${route.site} onArrival=${retry} />`;
  }
  if (overview.error && !overview.data) {
    return html`<${Failure} errors=${failures} pending=${pending} onRetry=${retry} />`;
  }
  const isRounded = overview.data?.main.current_visitors === null;
  const toggle = (id) => setOpened((old) => (old.has(id) ? without(old, id) : new Set([...old, id])));
  return html`
    <h1 class="unseen">Statistics of ${route.site}</h1>
    <p class="unseen" role="status">${filtersSaid(route.filters)}</p>
    <div class="report-head"><${Live} route=${route} isRounded=${isRounded} /><${ReportTabs} route=${route} onGo=${onGo} /></div>
    ${failures.length > 0 && html`<${Failure} errors=${failures} pending=${pending} onRetry=${retry} />`}
    ${isBehaviour
      ? html`<${BehaviourPlace} route=${route} isGuest=${isGuest} onGo=${onGo} />`
      : html`<${Overview} ...${{ route, overview, lists, opened, isGuest, onFilter }} onToggle=${toggle} />`}
  `;
}

/** The headline numbers, the chart and the breakdowns. */
const Overview = ({ route, overview, lists, opened, isGuest, onFilter, onToggle }) => html`
  <${Incomplete} dates=${(overview.data?.incomplete ?? []).map(({ date }) => date)} />
  <section class="panel overview" aria-label="Overview">
    <${Headline} headline=${partOf(overview, (data) => data.main)} />
    ${!isGuest && overview.data && html`<${HowCounted} route=${route} report=${overview.data} />`}
    <${KeptCounts} from=${overview.data?.events_from} />
    <${Trend} route=${route} overview=${overview} isGuest=${isGuest} />
  </section>
  <div class="breakdowns">
    ${DIMENSIONS.map(
      (dimension) => html`
        <${Breakdown}
          key=${dimension.id}
          dimension=${dimension}
          rows=${lists.get(dimension.id)}
          chosen=${chosenValues(route.filters, dimension.id)}
          nothing=${nothingSaid(route.filters)}
          expanded=${opened.has(dimension.id)}
          onChoose=${(value) => onFilter(toggled(route.filters, dimension.id, value))}
          onToggle=${() => onToggle(dimension.id)}
        />
      `,
    )}
  </div>
  <${Definitions} />
`;

const without = (set, gone) => new Set([...set].filter((each) => each !== gone));

/** @param {import("../filters.js").Filter[]} filters */
const filtersSaid = (filters) =>
  filters.length > 0 ? `Filtered: ${filters.map(sentenceOf).join(", ")}.` : "No filters.";
