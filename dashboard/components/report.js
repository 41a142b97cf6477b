/**
 * One site in one period: every number of it is asked for at once, and each is shown as soon as it is there.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { getHeadline, getJson, statsUrl } from "../api.js";
import { DIMENSIONS, EXPANDED_ROWS, PREVIEW_ROWS } from "../dimensions.js";
import { chartStep, includesToday } from "../period.js";
import { usePoll } from "../use-poll.js";
import { useResource } from "../use-resource.js";
import { Breakdown } from "./breakdown.js";
import { Definitions } from "./definitions.js";
import { Failure } from "./failure.js";
import { Headline } from "./headline.js";
import { Install } from "./install.js";
import { Live } from "./live.js";
import { Trend } from "./trend.js";

const REFRESH_SECONDS = 60;

/** @typedef {import("../url.js").Route} Route */

/**
 * The list of sites is the page's, but where it fails it mostly fails as the numbers do: both are told in one place.
 *
 * @param {{ route: Route, sites: import("../use-resource.js").Resource<unknown>, onReload: () => void }} props
 */
export function Report({ route, sites, onReload }) {
  const [tick, setTick] = useState(0);
  const [expanded, setExpanded] = useState({});
  const reload = () => setTick((old) => old + 1);
  const ask = (url, load = (signal) => getJson(url, signal)) => useResource(url, load, { tick, scope: route.site });

  const headline = ask(statsUrl("main", route), (signal) => getHeadline(route, signal));
  const trend = ask(statsUrl("timeseries", route, chartStep(route)));
  // A constant list, so the hooks inside keep their order.
  const breakdowns = DIMENSIONS.map((dimension) => {
    const limit = expanded[dimension.id] ? EXPANDED_ROWS : PREVIEW_ROWS + 1;
    return { dimension, rows: ask(statsUrl(`breakdown/${dimension.id}`, route, { limit: String(limit) })) };
  });

  const parts = [headline, trend, ...breakdowns.map((breakdown) => breakdown.rows)];
  const pending = parts.some((part) => part.pending);
  const errors = [sites, ...parts].flatMap((part) => part.error ?? []);
  const retry = () => {
    reload();
    onReload();
  };
  usePoll(() => pending || reload(), includesToday(route, new Date()) ? REFRESH_SECONDS : 0);

  if (headline.data && !headline.data.installed) {
    return html`<${Install} site=${route.site} onArrival=${retry} />`;
  }
  if (parts.every((part) => part.error && !part.data)) {
    return html`<${Failure} errors=${errors} pending=${pending} onRetry=${retry} />`;
  }
  // Emptiness waits for the headline: it must not flash up before the page for new sites.
  const settled = headline.data || headline.error;
  const shown = (part) => (settled || !isBlank(part.data) ? part : { ...part, data: undefined, stale: true });
  const toggle = (id) => setExpanded((old) => ({ ...old, [id]: !old[id] }));
  return html`
    <h1 class="unseen">Statistics of ${route.site}</h1>
    <${Live} site=${route.site} />
    ${errors.length > 0 && html`<${Failure} errors=${errors} pending=${pending} onRetry=${retry} />`}
    <section class="panel overview" aria-label="Overview">
      <${Headline} headline=${headline} />
      <${Trend} trend=${shown(trend)} />
    </section>
    <div class="breakdowns">
      ${breakdowns.map(
        ({ dimension, rows }) => html`
          <${Breakdown}
            key=${dimension.id}
            dimension=${dimension}
            rows=${shown(rows)}
            expanded=${Boolean(expanded[dimension.id])}
            onToggle=${() => toggle(dimension.id)}
          />
        `,
      )}
    </div>
    <${Definitions} />
  `;
}

/** @param {{ pageviews: number, visitors: number }[] | undefined} rows */
const isBlank = (rows) => rows?.every((row) => row.visitors === 0 && row.pageviews === 0) ?? true;
