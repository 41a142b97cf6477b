/**
 * Asks once more before something that cannot be taken back.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSubmission } from "../use-submission.js";

/**
 * @param {object} props
 * @param {string} props.title the question
 * @param {unknown} props.children what follows from a yes
 * @param {string} props.action what the button that does it says
 * @param {string} props.back id of what has the keyboard after a yes: the button that asked may be gone then
 * @param {() => Promise<unknown>} props.onYes
 * @param {() => void} props.onClose after a yes that worked, and after a no
 */
export function Confirm({ title, children, action, back, onYes, onClose }) {
  const dialog = useRef(null);
  const { busy, error, submit } = useSubmission(async () => {
    await onYes();
    dialog.current.close();
    document.getElementById(back).focus();
  });
  // After a no, a dialog gives the keyboard back to where it was when it closes, before it is taken off the page.
  useEffect(() => dialog.current.showModal(), []);
  return html`
    <dialog ref=${dialog} aria-labelledby="confirm-heading" data-test="confirm" onClose=${onClose}>
      <h2 id="confirm-heading">${title}</h2>
      <p>${children}</p>
      <p class="problem" role="alert">${error?.message}</p>
      <div class="buttons">
        <button type="button" class="danger" data-test="yes" aria-disabled=${busy} onClick=${() => submit()}>
          ${busy ? "One moment…" : action}
        </button>
        <button type="button" onClick=${() => dialog.current.close()}>Cancel</button>
      </div>
    </dialog>
  `;
}
