/**
 * A page that asks for a password: the owner's at the login, a new one at the first visit, that of a shared link.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSubmission } from "../use-submission.js";
import { OwnerName, PasswordField } from "./password-field.js";
import { asClock, useWait } from "./problem.js";

/**
 * @param {object} props
 * @param {string} props.title
 * @param {unknown} [props.lead] sentences above the form
 * @param {string} props.label of the password
 * @param {string} [props.hint]
 * @param {"current-password" | "new-password"} props.autocomplete
 * @param {string} props.action what the button says
 * @param {boolean} [props.isOwners] whether it is the owner's password, and no link's
 * @param {(password: string, form: HTMLFormElement) => Promise<void>} props.onSubmit
 * @param {unknown} [props.more] further fields
 * @param {(error: Error) => boolean} [props.isTheirs] whether a refusal is about those
 */
export function PasswordForm({ title, lead, action, isOwners = true, onSubmit, more, isTheirs, ...field }) {
  const { busy, error, submit } = useSubmission(onSubmit);
  const left = useWait(error);
  const mayTry = error?.wait > 0 && left === 0;
  const button = useRef(null);
  useEffect(() => {
    document.title = `${title} · Mallard Metrics`;
  }, [title]);
  useEffect(() => {
    if (mayTry && document.activeElement === document.body) button.current.focus();
  }, [mayTry]);

  const send = (event) => {
    event.preventDefault();
    if (left === 0) submit(event.currentTarget.elements.namedItem("password").value, event.currentTarget);
  };
  return html`
    <section class="panel door" data-test="door" aria-labelledby="door-heading">
      <h1 id="door-heading">${title}</h1>
      ${lead}
      <form method="post" onSubmit=${send}>
        ${isOwners && html`<${OwnerName} />`}
        <${PasswordField}
          id="password"
          ...${field}
          error=${mayTry || isTheirs?.(error ?? {}) ? null : error}
          focused
        />
        ${more}
        <button
          ref=${button}
          type="submit"
          class="primary"
          data-test="enter"
          aria-disabled=${busy || left > 0}
        >
          ${left > 0 ? `Wait ${asClock(left)}` : busy ? "One moment…" : action}
        </button>
        <p class="hint" role="status">${mayTry && "You can try again now."}</p>
      </form>
    </section>
  `;
}
