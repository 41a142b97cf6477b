/**
 * Chooses the earlier range to compare with, where there can be one.
 */
import { html } from "../vendor/htm-preact.js";
import { COMPARISONS, canCompare } from "../compare.js";

/** @typedef {import("../url.js").Route} Route */

/** @param {{ route: Route, onChange: (change: Partial<Route>) => void }} props */
export function ComparePicker({ route, onChange }) {
  const possible = canCompare(route);
  const choice = possible ? route.compare : "";
  return html`
    <label class="unseen" for="compare">Compare with</label>
    <select
      id="compare"
      class="compare"
      data-test="compare"
      value=${choice}
      disabled=${!possible}
      title=${possible ? "" : "Nothing lies before all time"}
      onChange=${(event) => onChange({ compare: event.currentTarget.value })}
    >
      ${COMPARISONS.map(
        ({ id, label }) => html`<option key=${id} value=${id} selected=${id === choice}>${label}</option>`,
      )}
    </select>
  `;
}
