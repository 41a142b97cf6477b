/**
 * One goal: its name, its kind, what meets it, and what is rarely needed folded away.
 */
import { html } from "../vendor/htm-preact.js";
import { GOAL_KINDS } from "../site-settings.js";
import { Choice, TextField } from "./field.js";

/** @typedef {import("../site-settings.js").GoalRow} GoalRow */

/**
 * @param {object} props
 * @param {GoalRow} props.row
 * @param {string} props.title
 * @param {(change: Partial<GoalRow>) => void} props.onChange
 * @param {() => void} props.onRemove
 */
export function GoalFields({ row, title, onChange, onRemove }) {
  const id = (name) => `goal-${row.id}-${name}`;
  const kind = GOAL_KINDS.find((each) => each.id === row.kind);
  const edits = (name) => ({
    value: row[name],
    onInput: (event) => onChange({ [name]: event.currentTarget.value }),
  });
  return html`
    <div class="goal" role="group" aria-label=${title} data-test="goal">
      <${TextField} id=${id("name")} label="Name" input=${{ ...edits("name"), required: true, placeholder: "Signup" }} />
      <${Choice}
        id=${id("kind")}
        label="Kind"
        options=${GOAL_KINDS}
        value=${row.kind}
        onChange=${(event) => onChange({ kind: event.currentTarget.value })}
      />
      <${TextField}
        id=${id("value")}
        label=${kind.value}
        hint=${kind.hint}
        input=${{ ...edits("value"), required: true, placeholder: kind.placeholder }}
      />
      ${row.kind === "scroll" &&
      html`<${TextField}
        id=${id("percent")}
        label="Read to, in percent"
        input=${{ ...edits("percent"), type: "number", min: 0, max: 100, required: true }}
      />`}
      <details open=${row.currency !== "" || row.props !== ""}>
        <summary>More</summary>
        <${TextField}
          id=${id("currency")}
          label="Currency"
          hint="Where the event carries an amount, such as EUR."
          input=${{ ...edits("currency"), maxlength: 3 }}
        />
        <div class="field">
          <label for=${id("props")}>Properties that must match</label>
          <textarea id=${id("props")} rows="2" spellcheck=${false} ...${edits("props")}></textarea>
          <p class="hint">One a line, such as plan=pro.</p>
        </div>
      </details>
      <button type="button" class="quiet" data-test="remove-goal" onClick=${onRemove}>
        Remove<span class="unseen"> ${title}</span>
      </button>
    </div>
  `;
}
