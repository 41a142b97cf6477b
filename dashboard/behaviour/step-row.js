/**
 * One step of the editor: what kind it is, what it must be, and its buttons.
 */
import { html } from "../vendor/htm-preact.js";
import { Problem } from "./panel.js";
import { NameField } from "./name-field.js";
import { KINDS } from "./steps.js";

const UP = "M8 13V3M4 7l4-4 4 4";
const DOWN = "M8 3v10M4 9l4 4 4-4";
const CROSS = "M4 4l8 8M12 4l-8 8";

/**
 * @param {object} props
 * @param {import("./step-editor.js").Row} props.row
 * @param {number} props.at
 * @param {number} props.count of all rows
 * @param {import("./behaviour.js").Shown["known"]} props.known
 * @param {Error | null} props.error
 * @param {(change: { kind: string } | { value: string }) => void} props.onEdit
 * @param {(by: number) => void} props.onMove
 * @param {() => void} props.onRemove
 */
export function StepRow({ row, at, count, known, error, onEdit, onMove, onRemove }) {
  const name = `Step ${at + 1}`;
  const id = `step-${row.id}`;
  const offered = KINDS.filter((kind) => kind.id !== "goal" || known.goals.length > 0 || row.kind === "goal");
  const kinds = KINDS.some((kind) => kind.id === row.kind) ? offered : [...offered, { id: row.kind, label: row.kind }];
  const button = (part, label, path, isOff, act) => html`
    <button
      type="button"
      class="icon"
      data-part=${part}
      data-test=${`${part}-step`}
      aria-label=${`${label}: ${name.toLowerCase()}`}
      title=${label}
      disabled=${isOff}
      onClick=${act}
    >
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d=${path} /></svg>
    </button>
  `;
  return html`
    <li class="step" data-id=${row.id} data-test="step">
      <select
        aria-label=${`${name}: kind`}
        data-test="step-kind"
        value=${row.kind}
        onChange=${(event) => onEdit({ kind: event.currentTarget.value })}
      >
        ${kinds.map(
          (kind) => html`<option key=${kind.id} value=${kind.id} selected=${kind.id === row.kind}>${kind.label}</option>`,
        )}
      </select>
      <${NameField}
        id=${id}
        label=${`${name}: which`}
        kind=${row.kind}
        value=${row.value}
        known=${known}
        isWrong=${Boolean(error)}
        onChange=${(value) => onEdit({ value })}
      />
      <span class="step-buttons">
        ${button("up", "Move up", UP, at === 0, () => onMove(-1))}
        ${button("down", "Move down", DOWN, at === count - 1, () => onMove(1))}
        ${button("remove", "Remove", CROSS, count === 1, onRemove)}
      </span>
      <${Problem} id=${id} error=${error} />
    </li>
  `;
}
