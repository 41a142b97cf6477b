/**
 * One breakdown: a table of values, with a bar behind each row in proportion to its visitors. A click filters by it.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { percentChange } from "../compare.js";
import { EXPANDED_ROWS, PREVIEW_ROWS, SHORT_ROWS } from "../dimensions.js";
import { exactCount, shortCount, signedPercent } from "../format.js";

/** @typedef {import("../api.js").Row} Row */
/** @typedef {import("../dimensions.js").Dimension} Dimension */
/** @typedef {import("../use-resource.js").Resource<Row[]>} Rows */

/**
 * @param {object} props
 * @param {Dimension} props.dimension
 * @param {Rows} props.rows
 * @param {Set<string>} props.chosen values that are filtered by
 * @param {string} props.nothing what is said where there are no rows
 * @param {boolean} props.expanded
 * @param {(value: string) => void} props.onChoose
 * @param {() => void} props.onToggle
 */
export function Breakdown({ dimension, rows, chosen, nothing, expanded, onChoose, onToggle }) {
  const { data, error, stale } = rows;
  const heading = `heading-${dimension.id}`;
  const values = data?.filter((row) => !row.other);
  const shown = values && [
    ...values.slice(0, expanded ? EXPANDED_ROWS : PREVIEW_ROWS),
    ...data.filter((row) => row.other),
  ];
  const expected = dimension.short ? SHORT_ROWS : PREVIEW_ROWS;
  const [panel, choose] = useKeptFocus(rows, onChoose);
  return html`
    <section
      ref=${panel}
      class="panel breakdown"
      data-test=${`breakdown-${dimension.id}`}
      aria-labelledby=${heading}
    >
      <h2 id=${heading} tabindex="-1">${dimension.title}</h2>
      <div
        class="scroll"
        style=${{ "--expected": expected }}
        aria-busy=${stale}
        data-old=${stale && Boolean(data)}
        ...${expanded ? { tabindex: 0, role: "region", "aria-labelledby": heading } : {}}
      >
        ${shown?.length > 0 &&
        html`<${RowTable} dimension=${dimension} rows=${shown} chosen=${chosen} onChoose=${choose} />`}
        ${shown?.length === 0 && html`<p class="nothing">${nothing}</p>`}
        ${!shown && (error ? html`<p class="nothing">Not available.</p>` : html`<${Skeleton} rows=${expected} />`)}
      </div>
      ${(expanded || values?.length > PREVIEW_ROWS) &&
      html`<button type="button" class="more" aria-expanded=${expanded} onClick=${onToggle}>
        ${expanded ? "Show fewer" : "Show more"}<span class="unseen"> ${dimension.title}</span>
      </button>`}
    </section>
  `;
}

/**
 * A row that is chosen may move, or be gone from the rows that follow: the keyboard stays at it, or at the heading.
 *
 * @param {Rows} rows @param {(value: string) => void} onChoose
 */
function useKeptFocus({ data, stale }, onChoose) {
  const panel = useRef(null);
  const last = useRef(null);
  // At once, not after the next paint: the focus may have been moved by then.
  useLayoutEffect(() => {
    const value = last.current;
    if (value === null) return;
    // What comes after this answer was not asked for by a click: it must not take the focus from anywhere.
    if (!stale) last.current = null;
    if (document.activeElement !== document.body) return;
    const buttons = [...panel.current.querySelectorAll("tbody button")];
    const again = buttons.find((button) => button.dataset.value === value);
    (again ?? panel.current.firstElementChild).focus({ preventScroll: true });
  }, [data, stale]);
  const choose = (value) => {
    last.current = value;
    onChoose(value);
  };
  return [panel, choose];
}

/** @param {{ dimension: Dimension, rows: Row[], chosen: Set<string>, onChoose: (value: string) => void }} props */
function RowTable({ dimension, rows, chosen, onChoose }) {
  const values = rows.filter((row) => !row.other);
  const others = rows.filter((row) => row.other);
  const most = Math.max(...values.map((row) => row.visitors), 1);
  const compared = rows[0].previous !== undefined;
  return html`
    <table data-compared=${compared}>
      <thead>
        <tr>
          <th scope="col">${dimension.column}</th>
          <th scope="col" class="number">Visitors</th>
          ${compared && html`<th scope="col" class="number moved"><span class="unseen">Change of visitors</span></th>`}
          <th scope="col" class="number">${compared ? "Views" : "Page views"}</th>
        </tr>
      </thead>
      <tbody>
        ${values.map(
          (row) => html`<${ValueRow}
            key=${row.value}
            row=${row}
            most=${most}
            name=${dimension.name}
            chosen=${chosen.has(row.value)}
            onChoose=${() => onChoose(row.value)}
          />`,
        )}
        ${others.map((row) => html`<${OtherRow} key="other values" row=${row} />`)}
      </tbody>
    </table>
  `;
}

function ValueRow({ row, most, name, chosen, onChoose }) {
  const text = name ? name(row.value) : row.value;
  // The whole row can be clicked; for the keyboard there is a button in it, whose click arrives here too.
  return html`
    <tr data-test="row" data-chosen=${chosen} style=${{ "--share": row.visitors / most }} onClick=${onChoose}>
      <th scope="row" data-test="value" data-value=${row.value}>
        <button
          type="button"
          data-value=${row.value}
          aria-pressed=${chosen}
          title=${chosen ? `${text}: click to remove the filter` : `${text}: click to filter`}
        >
          ${text}
        </button>
      </th>
      ${countCell("visitors", row.visitors)} ${row.previous && movedCell(row)} ${countCell("pageviews", row.pageviews)}
    </tr>
  `;
}

/** Values of days whose events are gone that were not kept: no filter finds them. */
const OtherRow = ({ row }) => html`
  <tr data-test="other" title="The events of these days are deleted, and the counts of their most seen values kept.">
    <th scope="row">Other values, together</th>
    ${countCell("visitors", row.visitors)} ${row.previous && movedCell(row)} ${countCell("pageviews", row.pageviews)}
  </tr>
`;

const countCell = (id, count) =>
  html`<td class="number" data-test=${id} data-value=${count} title=${exactCount(count)}>${shortCount(count)}</td>`;

/** @param {Row} row */
function movedCell({ visitors, previous }) {
  const change = percentChange(previous.visitors, visitors);
  const title = `${exactCount(previous.visitors)} visitors before`;
  return html`<td class="number moved" data-test="moved" title=${title}>
    ${change === null ? "new" : signedPercent(change)}
  </td>`;
}

const Skeleton = ({ rows }) => html`
  <div class="rows-skeleton" aria-hidden="true">${Array.from({ length: rows }, (_, at) => html`<i key=${at} />`)}</div>
`;
