/**
 * What the reader may do besides looking: the settings and the way out, or the way in.
 */
import { html } from "../vendor/htm-preact.js";
import { useSubmission } from "../use-submission.js";
import { Menu } from "./menu.js";
import { RouteLink } from "./route-link.js";

/** @typedef {import("../url.js").Route} Route */

const LINES = html`<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M2 4h12M2 8h12M2 12h12" /></svg>`;

/**
 * @param {object} props
 * @param {Route} props.route
 * @param {(change: Partial<Route>) => void} props.go
 * @param {import("../use-access.js").Access} props.access
 */
export function ReaderMenu({ route, go, access }) {
  const { busy, error, submit } = useSubmission(access.leave);
  if (access.reader === "visitor") {
    return html`<div class="reader">
      <${RouteLink} route=${route} to=${{ view: "login" }} onGo=${go} data-test="to-login">Log in<//>
    </div>`;
  }
  const isSettings = route.view === "settings";
  return html`
    <div class="reader">
      ${isSettings &&
      html`<${RouteLink}
        class="back"
        route=${route}
        to=${{ view: "" }}
        onGo=${go}
        data-test="back"
        aria-label="Back to the report"
      >
        ← Report
      <//>`}
      <${Menu} test="reader-menu" label="Menu" summary=${LINES}>
        <${RouteLink} route=${route} to=${{ view: "settings" }} onGo=${go} data-test="to-settings">Settings<//>
        ${access.reader === "owner" &&
        html`<button type="button" class="entry" data-test="log-out" aria-disabled=${busy} onClick=${() => submit()}>
          Log out
          <span>in every browser</span>
        </button>`}
      <//>
      <span class="problem" role="alert">${error?.message}</span>
    </div>
  `;
}
