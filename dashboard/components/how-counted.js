/**
 * A button by the headline and its dialog: the way these numbers are counted, and the cost of counting them now.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef, useState } from "../vendor/preact-hooks.js";
import { explanationOf, getExplanation } from "../api.js";
import { NOTHING, asMegabytes, counted, exactCount, momentName, rangeName } from "../format.js";
import { useResource } from "../use-resource.js";

/** @typedef {import("../api.js").Explanation} Explanation */

/** The ways of counting a day, the cheapest first, as the API names them. */
const WAYS = [
  ["rollup", "From daily counts"],
  ["visits", "From stored visits"],
  ["events", "From events"],
  ["gone", "Left out, as their events were deleted"],
];

/** @param {{ route: import("../url.js").Route, report: import("../api.js").Report }} props */
export function HowCounted({ route, report }) {
  const dialog = useRef(null);
  const [state, setState] = useState({ question: "", tick: 0 });
  const open = () => {
    // What the page showed when it was asked, whatever a refresh brings meanwhile; each time anew.
    setState(({ tick }) => ({ question: explanationOf(route, report), tick: tick + 1 }));
    dialog.current.showModal();
  };
  const found = useResource(state.question, (signal) => getExplanation(state.question, signal), { tick: state.tick });
  const shown = found.pending ? undefined : found.data;
  return html`
    <p class="how-counted">
      <button type="button" class="quiet" aria-haspopup="dialog" data-test="how-counted" onClick=${open}>
        How was this counted?
      </button>
    </p>
    <dialog ref=${dialog} class="explanation" aria-labelledby="how-counted-heading" data-test="explanation">
      <h2 id="how-counted-heading">How the headline numbers are counted</h2>
      <p class="unseen" role="status">${found.pending ? "Counting again." : shown ? "Counted." : ""}</p>
      ${found.pending && html`<p class="nothing" aria-hidden="true">Counting again…</p>`}
      <p class="problem" role="alert">${found.pending ? "" : found.error?.message}</p>
      ${shown && html`<${Facts} explanation=${shown} /><${Statement} explanation=${shown} />`}
      <div class="buttons"><button type="button" onClick=${() => dialog.current.close()}>Close</button></div>
    </dialog>
  `;
}

/** @param {{ explanation: Explanation }} props */
const Facts = ({ explanation }) => html`
  <dl class="counted-facts">
    ${WAYS.filter(([way]) => explanation.days[way]).map(([way, name]) => fact(name, daysSaid(explanation.days[way])))}
    ${fact("Data until", freshnessOf(explanation))}
    ${fact("Read", readSaid(explanation))}
    ${fact("Time", `${exactCount(explanation.milliseconds)} ms`)}
    ${fact("Memory", `${asMegabytes(explanation.memory_bytes)} at most`)}
    ${fact("Definition", html`<code>${explanation.definition}</code>`)}
  </dl>
`;

/** @param {{ explanation: Explanation }} props */
const Statement = ({ explanation: { sql, values } }) =>
  sql.length > 0 &&
  html`<details>
    <summary>SQL</summary>
    <pre tabindex="0" aria-label="SQL">${[...sql, ...valueLines(values)].join("\n\n")}</pre>
  </details>`;

const fact = (name, value) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`;

const valueLines = (values) => {
  const lines = Object.entries(values).map(([name, value]) => `-- $${name} = ${JSON.stringify(value)}`);
  return lines.length > 0 ? [lines.join("\n")] : [];
};

/** @param {string[]} days in order */
const daysSaid = (days) =>
  `${exactCount(days.length)} ${counted(days.length, "day", "days")}, ${rangeName({ from: days[0], to: days.at(-1) })}`;

/** @param {Explanation} explanation */
function freshnessOf({ written, pending_events: waiting }) {
  if (waiting > 0) return `now, with ${exactCount(waiting)} ${counted(waiting, "event", "events")} of the queue`;
  return written ? `${momentName(written)}, when the newest file was written` : NOTHING;
}

/** @param {Explanation} explanation */
const readSaid = ({ files, bytes }) =>
  files > 0 ? `${exactCount(files)} ${counted(files, "file", "files")}, ${asMegabytes(bytes)}` : "daily counts alone";
