/**
 * The two parts of a report: the overview, and what visitors do one thing after another.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef } from "../vendor/preact-hooks.js";
import { RouteLink } from "./route-link.js";

const PARTS = [
  { id: "", label: "Overview" },
  { id: "behaviour", label: "Behaviour" },
];

/** @param {{ route: import("../url.js").Route, onGo: (change: object) => void }} props */
export function ReportTabs({ route, onGo }) {
  const isBehaviour = route.view === "behaviour";
  // What was looked at there is still there after a look at the overview.
  const last = useRef(route.behaviour);
  if (isBehaviour) last.current = route.behaviour;
  return html`
    <nav class="tabs" aria-label="Report">
      ${PARTS.map(
        ({ id, label }) => html`<${RouteLink}
          key=${id}
          route=${route}
          to=${{ view: id, behaviour: last.current }}
          onGo=${onGo}
          data-test=${`part-${id || "overview"}`}
          aria-current=${(id === "behaviour") === isBehaviour ? "page" : null}
        >
          ${label}
        <//>`,
      )}
    </nav>
  `;
}
