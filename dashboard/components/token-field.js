/**
 * The text that the server printed when it started, which shows that whoever sets the password runs it.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { Problem, describedBy } from "./problem.js";

const HINT = "It stands where the server was started, below its address.";

/** @param {{ error: Error | null }} props takes the keyboard */
export function TokenField({ error }) {
  const field = useRef(null);
  useLayoutEffect(() => {
    if (error) field.current.focus();
  }, [error]);
  return html`
    <div class="field">
      <label for="token">Token of the first visit</label>
      <input
        ref=${field}
        id="token"
        name="token"
        data-test="token"
        autocomplete="off"
        autocapitalize="none"
        spellcheck=${false}
        required
        aria-invalid=${Boolean(error)}
        aria-describedby=${describedBy("token", HINT)}
      />
      <p id="token-hint" class="hint">${HINT}</p>
      <${Problem} id="token" error=${error} />
    </div>
  `;
}
