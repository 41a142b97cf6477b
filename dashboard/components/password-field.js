/**
 * A password, which can be shown while it is typed, with its rules and what is wrong with it.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { Problem, describedBy } from "./problem.js";

/**
 * @param {object} props
 * @param {string} props.id
 * @param {string} props.label
 * @param {"current-password" | "new-password"} props.autocomplete
 * @param {string} [props.hint]
 * @param {Error | null} [props.error] takes the keyboard back here
 * @param {boolean} [props.focused] whether it has the keyboard from the start
 * @param {boolean} [props.optional]
 */
export function PasswordField({ id, label, autocomplete, hint, error = null, focused = false, optional = false }) {
  const [isShown, setShown] = useState(false);
  const field = useRef(null);
  useEffect(() => {
    if (focused) field.current.focus();
  }, []);
  // At once with the message: later, it would take away what is typed already.
  useLayoutEffect(() => {
    if (!error) return;
    field.current.focus();
    field.current.select();
  }, [error]);
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      <div class="password">
        <input
          ref=${field}
          id=${id}
          name=${id}
          data-test=${id}
          type=${isShown ? "text" : "password"}
          autocomplete=${autocomplete}
          autocapitalize="none"
          spellcheck=${false}
          required=${!optional}
          aria-invalid=${Boolean(error)}
          aria-describedby=${describedBy(id, hint)}
        />
        <button type="button" aria-pressed=${isShown} aria-controls=${id} onClick=${() => setShown(!isShown)}>
          Show<span class="unseen"> the password</span>
        </button>
      </div>
      ${hint && html`<p id=${`${id}-hint`} class="hint">${hint}</p>`}
      <${Problem} id=${id} error=${error} />
    </div>
  `;
}

/** Who keeps passwords wants to know whose it is. */
export const OwnerName = () => html`
  <input class="unseen" type="text" name="username" value="owner" autocomplete="username" readonly tabindex="-1" aria-hidden="true" />
`;
