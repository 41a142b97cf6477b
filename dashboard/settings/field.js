/**
 * A labelled field of a form with what explains it. Fields keep their own values until the form is sent.
 */
import { html } from "../vendor/htm-preact.js";

/** @param {{ id: string, label: string, hint?: unknown, input?: object }} props `input`: attributes */
export const TextField = ({ id, label, hint, input = {} }) => html`
  <div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} name=${id} data-test=${id} autocomplete="off" aria-describedby=${hint ? `${id}-hint` : null} ...${input} />
    ${hint && html`<p id=${`${id}-hint`} class="hint">${hint}</p>`}
  </div>
`;

/** @param {{ id: string, label: string, options: { id: string, label: string }[], value: string, hint?: unknown }} props */
export const Choice = ({ id, label, options, value, hint, ...attributes }) => html`
  <div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} name=${id} data-test=${id} aria-describedby=${hint ? `${id}-hint` : null} ...${attributes}>
      ${options.map(
        (option) => html`<option key=${option.id} value=${option.id} selected=${option.id === value}>
          ${option.label}
        </option>`,
      )}
    </select>
    ${hint && html`<p id=${`${id}-hint`} class="hint">${hint}</p>`}
  </div>
`;

/** A box to tick, or one of several: `input` says which. @param {{ id: string, hint?: unknown, input: object, children: unknown }} props */
export const Tick = ({ id, hint, input, children }) => html`
  <div class="tick">
    <input id=${id} data-test=${id} aria-describedby=${hint ? `${id}-hint` : null} ...${input} />
    <label for=${id}>${children}</label>
    ${hint && html`<p id=${`${id}-hint`} class="hint">${hint}</p>`}
  </div>
`;

/** The button that sends a form, and what came of it. @param {{ action: string, busy: boolean, error: Error | null, said?: string, test: string }} props */
export const Send = ({ action, busy, error, said = "", test }) => html`
  <div class="send">
    <button type="submit" class="primary" data-test=${test} aria-disabled=${busy}>
      ${busy ? "One moment…" : action}
    </button>
    <span class="hint" role="status">${said}</span>
    <p class="problem" role="alert" data-test=${`${test}-problem`}>${error?.message}</p>
  </div>
`;
