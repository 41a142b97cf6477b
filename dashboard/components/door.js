/**
 * Who comes in: the first visit, the login, and behind them the dashboard.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useAccess } from "../use-access.js";
import { useRoute } from "../use-route.js";
import { FirstVisit, Login } from "./entrance.js";
import { Failure } from "./failure.js";
import { Brand, Frame } from "./frame.js";
import { Page } from "./page.js";

export function Door() {
  const [route, go] = useRoute();
  const access = useAccess(route);
  const { place, again } = access;

  // What was pressed is gone with its form: the keyboard goes on at what is behind it.
  const before = useRef(place);
  useEffect(() => {
    if (place === "inside" && ["login", "setup"].includes(before.current)) document.getElementById("report").focus();
    before.current = place;
  }, [place]);

  const isDone = place === "inside" && access.reader !== "visitor" && route.view === "login";
  useEffect(() => {
    if (isDone) go({ view: "" }, { replace: true });
  }, [isDone]);

  // While it is not known who asks, the page is laid out and asks for its numbers, but stays unseen.
  if (place === "inside" || place === "asking") return html`<${Page} route=${route} go=${go} access=${access} />`;
  return html`
    <${Frame} brand=${html`<a class="brand" href="/"><${Brand} /></a>`} what="form">
      ${place === "setup" && html`<${FirstVisit} onDone=${again} />`}
      ${place === "login" && html`<${Login} why=${access.why} onDone=${again} />`}
      ${place === "failed" &&
      html`<${Failure} errors=${[access.error]} pending=${access.pending} onRetry=${again} />`}
    <//>
  `;
}
