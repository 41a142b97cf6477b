/**
 * The goals of a site: what a visit is hoped to do.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { newGoalRow } from "../site-settings.js";
import { GoalFields } from "./goal-fields.js";

/** @typedef {import("../site-settings.js").GoalRow} GoalRow */

/** @param {{ rows: GoalRow[], onChange: (rows: GoalRow[]) => void }} props */
export function GoalsField({ rows, onChange }) {
  const next = useRef(rows.length);
  const box = useRef(null);
  const moved = useRef(null);

  // The keyboard goes into a goal that was added, and to the button that adds when one was removed: at once,
  // not after the next paint, for somebody may be writing elsewhere by then.
  useLayoutEffect(() => {
    if (moved.current === null) return;
    const name = moved.current === "" ? "[data-test=add-goal]" : `#goal-${moved.current}-name`;
    moved.current = null;
    box.current.querySelector(name).focus();
  }, [rows]);

  const add = () => {
    next.current += 1;
    moved.current = next.current;
    onChange([...rows, newGoalRow(next.current)]);
  };
  const remove = (gone) => {
    moved.current = "";
    onChange(rows.filter((row) => row !== gone));
  };
  return html`
    <fieldset ref=${box} class="goals">
      <legend>Goals</legend>
      <p class="hint">What you hope a visit does: sign up, see a page, read it to the end.</p>
      ${rows.map(
        (row, at) => html`<${GoalFields}
          key=${row.id}
          row=${row}
          title=${row.name || `Goal ${at + 1}`}
          onChange=${(change) => onChange(rows.with(at, { ...row, ...change }))}
          onRemove=${() => remove(row)}
        />`,
      )}
      <button type="button" data-test="add-goal" onClick=${add}>Add a goal</button>
    </fieldset>
  `;
}
