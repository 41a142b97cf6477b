/**
 * What went wrong, in the server's own sentence, and a way to try again.
 */
import { html } from "../vendor/htm-preact.js";

/** @param {{ errors: Error[], pending: boolean, onRetry: () => void }} props */
export function Failure({ errors, pending, onRetry }) {
  // Requests of one load mostly fail for one reason: it is said once.
  const sentences = [...new Set(errors.map((error) => error.message))];
  return html`
    <div class="failure" role="alert" data-test="failure">
      <div>${sentences.map((sentence) => html`<p key=${sentence}>${sentence}</p>`)}</div>
      <button type="button" data-test="retry" aria-disabled=${pending} onClick=${() => pending || onRetry()}>
        ${pending ? "Trying…" : "Try again"}
      </button>
    </div>
  `;
}
