/**
 * The two ways to become the owner: the first visit, which sets the password, and the login.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { logIn, setUp } from "../access.js";
import { isElsewhere } from "../http.js";
import { PasswordForm } from "./password-form.js";
import { TokenField } from "./token-field.js";

/** @param {{ onDone: () => void }} props */
export function FirstVisit({ onDone }) {
  const [refusal, setRefusal] = useState(null);
  const send = async (password, form) => {
    try {
      await setUp(password, form.elements.namedItem("token")?.value.trim() ?? "");
    } catch (error) {
      // Somebody was faster: there is a password now, which the login asks for.
      if (error.status === 409) return onDone();
      if (isAboutToken(error)) setRefusal(error);
      throw error;
    }
    return onDone();
  };
  return html`<${PasswordForm}
    title="Choose a password"
    lead=${html`<p>This server is new. Whoever knows its password sees the numbers of every site and changes all settings.</p>`}
    label="New password"
    hint="At least 8 characters, and none of the common ones: three or four words make a good one."
    autocomplete="new-password"
    action="Set the password"
    onSubmit=${send}
    more=${refusal && html`<${TokenField} error=${refusal} />`}
    isTheirs=${isAboutToken}
  />`;
}

/** The server says that it wants the text it printed. @param {import("../http.js").AnswerError} error */
const isAboutToken = ({ status, message }) => status === 403 && /\btoken\b/.test(message);

/** @param {{ why: string, onDone: () => void }} props `why` one has to, where that needs to be said */
export function Login({ why, onDone }) {
  const send = async (password) => {
    try {
      await logIn(password);
    } catch (error) {
      // MALLARD_AUTH=off since: there is nothing to log in to.
      if (error.status !== 409) throw error;
    }
    onDone();
  };
  return html`<${PasswordForm}
    title="Log in"
    lead=${html`<p class="why" role="alert">${why}</p>
      ${isElsewhere && html`<p class="hint">This page is on another site than its server: a reload asks again.</p>`}`}
    label="Password"
    autocomplete="current-password"
    action="Log in"
    onSubmit=${send}
  />`;
}
