/**
 * The steps of a funnel or sequence as rows that are written, added, moved and removed, by mouse or keyboard.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { Problem, Skeleton } from "./panel.js";
import { StepRow } from "./step-row.js";
import { brokenStep, readSteps, writeSteps } from "./steps.js";

/** @typedef {import("./steps.js").Step & { id: number }} Row */

const MAX_STEPS = 32;
/** As many as are suggested. */
const EXPECTED_STEPS = 3;
let lastId = 0;

/** @param {string} text @returns {Row[]} */
const rowsOf = (text) => readSteps(text).map((step) => ({ ...step, id: (lastId += 1) }));

/**
 * What is written goes out when it is complete: a row without a value waits for one.
 *
 * @param {object} props
 * @param {string} props.text the steps that hold
 * @param {{ pages: string[], events: string[], goals: string[] }} props.known
 * @param {Error | null} props.error about the steps
 * @param {boolean} props.isWaiting whether steps are still to come
 * @param {(text: string) => void} props.onChange
 */
export function StepEditor({ text, known, error, isWaiting, onChange }) {
  const [rows, setRows] = useState(() => rowsOf(text));
  const [said, setSaid] = useState("");
  const [box, focusNext] = useFocusAfter(rows);
  // Steps that come from elsewhere, by going back or from what is suggested, replace what is written.
  useEffect(() => {
    if (writeSteps(rows) !== text) setRows(rowsOf(text));
  }, [text]);

  const apply = (changed) => {
    setRows(changed);
    const written = writeSteps(changed);
    if (written && written !== text) onChange(written);
  };
  const edit = (at) => (change) => {
    const changed = rows.with(at, { ...rows[at], ...change });
    if (change.value === undefined) return setRows(changed);
    return apply(changed);
  };
  const add = () => {
    const row = { id: (lastId += 1), kind: "page", value: "" };
    focusNext(row.id, ["value"]);
    setRows([...rows, row]);
  };
  const remove = (at) => {
    const rest = rows.toSpliced(at, 1);
    focusNext(rest[Math.min(at, rest.length - 1)].id, ["remove", "value"]);
    setSaid(`Step ${at + 1} is removed; ${rest.length} left.`);
    apply(rest);
  };
  const move = (at, by) => {
    const changed = rows.toSpliced(at, 1).toSpliced(at + by, 0, rows[at]);
    focusNext(rows[at].id, by < 0 ? ["up", "down"] : ["down", "up"]);
    setSaid(`Moved to place ${at + by + 1} of ${rows.length}.`);
    apply(changed);
  };
  const broken = error ? brokenStep(rows, error.message) : -1;
  return html`
    <div class="steps" role="group" aria-label="Steps" ref=${box}>
      ${isWaiting && rows.length === 0 && html`<${Skeleton} rows=${EXPECTED_STEPS} what="fields" />`}
      <ol data-test="steps">
        ${rows.map(
          (row, at) => html`<${StepRow}
            key=${row.id}
            row=${row}
            at=${at}
            count=${rows.length}
            known=${known}
            error=${at === broken ? error : null}
            onEdit=${edit(at)}
            onMove=${(by) => move(at, by)}
            onRemove=${() => remove(at)}
          />`,
        )}
      </ol>
      <${Problem} id="steps" error=${broken < 0 && error} />
      <button type="button" class="quiet" data-test="add-step" disabled=${rows.length >= MAX_STEPS} onClick=${add}>
        Add a step
      </button>
      <p class="unseen" role="status">${said}</p>
    </div>
  `;
}

/** Moving or removing a row takes the keyboard from what was pressed: it goes on at the row's first part that can be. */
function useFocusAfter(rows) {
  const box = useRef(null);
  const next = useRef(null);
  // At once, not after the next paint: the next key may come before that.
  useLayoutEffect(() => {
    if (!next.current) return;
    const [id, parts] = next.current;
    next.current = null;
    const row = box.current.querySelector(`[data-id="${id}"]`);
    parts.map((part) => row?.querySelector(`[data-part=${part}]:not(:disabled)`)).find(Boolean)?.focus();
  }, [rows]);
  return [box, (id, parts) => (next.current = [id, parts])];
}
