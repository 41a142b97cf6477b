/**
 * The filters that hold, each a chip that can be turned round or removed.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { sentenceOf, turned, wordsOf } from "../filters.js";

/** @typedef {import("../filters.js").Filter} Filter */

/** @param {{ filters: Filter[], onChange: (filters: Filter[]) => void }} props */
export function FilterBar({ filters, onChange }) {
  const list = useRef(null);
  const removed = useRef(-1);

  // The button that was pressed is gone with its chip: the keyboard goes on at the next one, or at the report.
  useLayoutEffect(() => {
    if (removed.current < 0) return;
    const left = list.current?.querySelectorAll("[data-test=remove-filter]") ?? [];
    const next = left[Math.min(removed.current, left.length - 1)] ?? document.getElementById("report");
    removed.current = -1;
    next.focus({ preventScroll: true });
  }, [filters]);

  const change = (changed, at) => {
    removed.current = at;
    onChange(changed);
  };
  if (filters.length === 0) return null;
  return html`
    <div class="filters" role="group" aria-label="Filters" data-test="filters">
      <ul ref=${list}>
        ${filters.map(
          (filter, at) => html`<${Chip}
            key=${`${filter.dimension} ${filter.value}`}
            filter=${filter}
            onTurn=${() => onChange(turned(filters, at))}
            onRemove=${() => change(filters.toSpliced(at, 1), at)}
          />`,
        )}
      </ul>
      <button type="button" class="quiet" data-test="clear-filters" onClick=${() => change([], 0)}>Clear all</button>
    </div>
  `;
}

/** @param {{ filter: Filter, onTurn: () => void, onRemove: () => void }} props */
function Chip({ filter, onTurn, onRemove }) {
  const sentence = sentenceOf(filter);
  const { dimension, operator, value } = wordsOf(filter);
  const other = filter.operator === "is" ? "is not" : "is";
  return html`
    <li class="chip" data-test="filter" data-operator=${filter.operator}>
      ${dimension}${" "}
      <button
        type="button"
        class="operator"
        data-test="turn-filter"
        aria-label=${`${sentence}: change to “${other}”`}
        title=${`Change to “${other}”`}
        onClick=${onTurn}
      >
        ${operator}</button
      >${" "}
      <b title=${value}>${value}</b>
      <button
        type="button"
        class="remove"
        data-test="remove-filter"
        aria-label=${`Remove the filter: ${sentence}`}
        title="Remove"
        onClick=${onRemove}
      >
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg>
      </button>
    </li>
  `;
}
