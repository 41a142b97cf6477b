/**
 * Visitors and page views of the last five minutes; a sentence, or nothing, where times are rounded to the hour.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { liveUrl } from "../api.js";
import { NOTHING, counted, shortCount } from "../format.js";
import { getJson } from "../http.js";
import { usePoll } from "../use-poll.js";
import { useResource } from "../use-resource.js";

const REFRESH_SECONDS = 10;

/** @param {{ route: import("../url.js").Route, isRounded: boolean }} props isRounded: times are known to be */
export function Live({ route, isRounded }) {
  const [tick, setTick] = useState(0);
  const url = isRounded ? "" : liveUrl(route);
  const live = useResource(url, (signal) => getJson(url, signal), { tick });
  const isRefused = live.error?.status === 400;
  usePoll(() => live.pending || setTick((old) => old + 1), isRounded || isRefused ? 0 : REFRESH_SECONDS);
  if (isRounded) return html`<p class="live" data-test="no-live">Times are kept to the hour: no live visitors</p>`;
  // Its place stays, beside the tabs.
  if (isRefused) return html`<p class="live"></p>`;

  const visitors = live.data?.unique_visitors;
  const pageviews = live.data?.total_pageviews;
  return html`
    <p class="live" role="status" aria-live="polite" aria-atomic="true">
      <span class="dot" data-on=${visitors > 0} aria-hidden="true"></span>
      <span>
        <b data-test="live-visitors" data-value=${visitors}>${shown(visitors)}</b>${" "}
        ${counted(visitors, "visitor", "visitors")} · <b data-test="live-pageviews" data-value=${pageviews}
          >${shown(pageviews)}</b
        >${" "} ${counted(pageviews, "page view", "page views")} in the last 5 minutes
      </span>
    </p>
  `;
}

const shown = (count) => (count === undefined ? NOTHING : shortCount(count));
