/**
 * What a site without events shows: how to send the first one. It watches for that event and says when it came.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { getSites, hasEvents } from "../api.js";
import { serverOrigin } from "../http.js";
import { snippet, testEvent } from "../snippet.js";
import { usePoll } from "../use-poll.js";
import { useResource } from "../use-resource.js";
import { Copyable } from "./copyable.js";
import { SiteForm } from "./site-form.js";

const WATCH_SECONDS = 4;

/** Asks until the answer is yes; a failed question is simply asked again. */
function useWatch(key, ask, onYes) {
  const [tick, setTick] = useState(1);
  const answer = useResource(key, ask, { tick });
  usePoll(() => answer.pending || setTick((old) => old + 1), WATCH_SECONDS);
  useEffect(() => {
    if (answer.data) onYes();
  }, [answer.data]);
}

/** @param {{ site: string, onArrival: () => void }} props */
export function Install({ site, onArrival }) {
  useWatch(`first event of ${site}`, (signal) => hasEvents(site, signal), onArrival);
  return html`
    <section class="panel install" data-test="install" aria-labelledby="install-heading">
      <h1 id="install-heading">No events from ${site} yet</h1>
      <p>Put this line into the <code>${"<head>"}</code> of every page of the site:</p>
      <${Copyable} label="tracking script" text=${snippet(site, serverOrigin)} test="snippet" />
      <p>Or send a test event from a terminal:</p>
      <${Copyable} label="test event" text=${testEvent(site, serverOrigin)} test="test-event" />
      <p class="waiting" role="status">
        <span class="dot" data-on="true" aria-hidden="true"></span>
        Waiting for the first event. The dashboard opens by itself.
      </p>
    </section>
  `;
}

const anySite = async (signal) => (await getSites(signal)).length > 0;

/**
 * The page of a server that has no site at all.
 *
 * @param {{ onOpen: (site: string) => void, onArrival: () => void }} props
 */
export function Welcome({ onOpen, onArrival }) {
  useWatch("first site", anySite, onArrival);
  return html`
    <section class="panel install" data-test="install" aria-labelledby="install-heading">
      <h1 id="install-heading">Which site do you want to count?</h1>
      <p>
        Nothing needs to be set up first: a site appears here with its first event. Name it to get the line for its
        pages.
      </p>
      <${SiteForm} id="first-site" onOpen=${onOpen} />
      <p>The line will look like this:</p>
      <${Copyable} label="tracking script" text=${snippet("example.com", serverOrigin)} test="snippet" />
    </section>
  `;
}
