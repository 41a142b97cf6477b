/**
 * What the reports of behaviour have in common: a panel with its heading, and an answer with its states.
 */
import { html } from "../vendor/htm-preact.js";
import { Failure } from "../components/failure.js";
import { Incomplete } from "../components/incomplete.js";
import { datesLeftOut } from "../http.js";

/** @param {{ id: string, title: string, lead: string, children: unknown }} props */
export const Panel = ({ id, title, lead, children }) => html`
  <section class="panel behaviour-panel" data-test=${id} aria-labelledby=${`heading-${id}`}>
    <h2 id=${`heading-${id}`} tabindex="-1">${title}</h2>
    <p class="lead">${lead}</p>
    ${children}
  </section>
`;

/**
 * @param {object} props
 * @param {import("./questions.js").Resource<any>} props.answer
 * @param {boolean} props.isRefused whether a field says what is wrong
 * @param {string} props.said the answer in one sentence, for who does not see it come
 * @param {unknown} props.skeleton as high as what comes
 * @param {() => void} props.onRetry
 * @param {unknown} props.children "" while there is no answer
 */
export function Answer({ answer, isRefused, said, skeleton, onRetry, children }) {
  const { data, error, stale, pending } = answer;
  const isFailed = error && !isRefused;
  return html`
    <div class="answer" aria-busy=${pending && stale} data-old=${stale && Boolean(data)}>
      <p class="unseen" role="status">${stale || error ? "" : said}</p>
      ${isFailed && html`<${Failure} errors=${[error]} pending=${pending} onRetry=${onRetry} />`}
      ${isRefused && html`<p class="nothing">There is an answer when what is marked is right.</p>`}
      <${Incomplete} dates=${datesLeftOut(data)} />
      ${children || (!error && skeleton)}
    </div>
  `;
}

export const NoSteps = () => html`
  <p class="nothing">Nothing happened in this period. Add a step to ask for one.</p>
`;

/** @param {{ rows: number, what?: "bars" | "rows" | "fields" }} props */
export const Skeleton = ({ rows, what = "rows" }) => html`
  <div class=${`behaviour-skeleton ${what}`} aria-hidden="true">${Array.from({ length: rows }, (_, at) => html`<i key=${at} />`)}</div>
`;

/**
 * A labelled field, with what is wrong with it below.
 *
 * @param {{ id: string, label: string, error?: Error | false | null, children: unknown }} props
 */
export const Labelled = ({ id, label, error, children }) => html`
  <div class="labelled">
    <label for=${id}>${label}</label>
    ${children}
    <${Problem} id=${id} error=${error} />
  </div>
`;

/** @param {{ id: string, error?: Error | false | null }} props */
export const Problem = ({ id, error }) => html`
  <p id=${`${id}-problem`} class="problem" role="alert" data-test="problem">${error ? error.message : ""}</p>
`;

/** @param {{ id: string, label: string, value: string, options: { id: string, label: string }[], onChange: (value: string) => void }} props */
export const Choose = ({ id, label, value, options, onChange }) => html`
  <${Labelled} id=${id} label=${label}>
    <select id=${id} data-test=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map(
        (option) => html`<option key=${option.id} value=${option.id} selected=${option.id === value}>
          ${option.label}
        </option>`,
      )}
    </select>
  <//>
`;
