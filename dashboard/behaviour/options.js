/**
 * How a funnel is counted: the window, and what ends it.
 */
import { html } from "../vendor/htm-preact.js";
import { DraftInput } from "./draft-input.js";
import { Labelled, Problem } from "./panel.js";

export const DEFAULT_WINDOW = "1 day";
const WINDOWS = ["5 minutes", "30 minutes", "1 hour", "1 day", "7 days", "30 days"];

const MODES = [
  { id: "strict_order", label: "Nothing else in between", hint: "Any other event ends the funnel." },
  { id: "allow_reentry", label: "Too early is passed over", hint: "With the above: a step before its turn ends nothing." },
  { id: "strict_increase", label: "Each step later than the one before", hint: "The same moment does not count." },
  { id: "strict_once", label: "An event is one step only", hint: "Where one event could be several steps." },
  { id: "strict_deduplication", label: "A step again ends it", hint: "Who repeats a step gets no further." },
];

/** @param {{ value: string, error: Error | false | null, onChange: (value: string) => void }} props */
export const WindowField = ({ value, error, onChange }) => html`
  <${Labelled} id="window" label="All steps within" error=${error}>
    <${DraftInput}
      id="window"
      data-test="window"
      value=${value || DEFAULT_WINDOW}
      names=${WINDOWS}
      isWrong=${error}
      onTake=${onChange}
    />
  <//>
`;

/** @param {{ value: string, error: Error | false | null, onChange: (value: string) => void }} props */
export function ModeField({ value, error, onChange }) {
  const chosen = value.split(",").filter(Boolean);
  const toggle = (id) => onChange((chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]).join(","));
  return html`
    <details class="modes" data-test="modes">
      <summary>Rules${chosen.length > 0 && html` <span class="tag">${chosen.length} in force</span>`}</summary>
      <div role="group" aria-label="Rules">
        ${MODES.map(
          ({ id, label, hint }) => html`<label key=${id} class="mode">
            <input type="checkbox" data-test=${id} checked=${chosen.includes(id)} onChange=${() => toggle(id)} />
            <span>${label}<small>${hint}</small></span>
          </label>`,
        )}
      </div>
    </details>
    <${Problem} id="mode" error=${error} />
  `;
}
