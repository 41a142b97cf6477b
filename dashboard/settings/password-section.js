/**
 * Another password for the owner.
 */
import { html } from "../vendor/htm-preact.js";
import { changePassword } from "../access.js";
import { OwnerName, PasswordField } from "../components/password-field.js";
import { asClock, useWait } from "../components/problem.js";
import { useSubmission } from "../use-submission.js";
import { Send } from "./field.js";

/** @param {{ access: import("../use-access.js").Access }} props */
export const PasswordSection = ({ access }) => html`
  <section class="panel section" aria-labelledby="password-heading">
    <h2 id="password-heading">Password</h2>
    ${access.reader === "open"
      ? html`<p data-test="no-password">
          Nobody is asked for it while the server runs with <code>MALLARD_AUTH=off</code>.
        </p>`
      : html`<${Change} />`}
  </section>
`;

function Change() {
  const { busy, error, done, submit } = useSubmission(async (form) => {
    const { current, fresh } = form.elements;
    await changePassword(current.value, fresh.value);
    form.reset();
  });
  const left = useWait(error);
  const send = (event) => {
    event.preventDefault();
    if (left === 0) submit(event.currentTarget);
  };
  // Each sentence stands by the field it is about: 403 is a wrong current one, 400 a new one that is too weak.
  const at = (status) => (error?.status === status ? error : null);
  const rest = error && ![400, 403].includes(error.status) ? error : null;
  return html`
    <p>Another password ends every session but this one. API keys and shared links stay.</p>
    <form class="form" method="post" onSubmit=${send}>
      <${OwnerName} />
      <${PasswordField} id="current" label="Current password" autocomplete="current-password" error=${at(403)} />
      <${PasswordField}
        id="fresh"
        label="New password"
        hint="At least 8 characters, and none of the common ones."
        autocomplete="new-password"
        error=${at(400)}
      />
      <${Send}
        action=${left > 0 ? `Wait ${asClock(left)}` : "Change the password"}
        test="change-password"
        busy=${busy || left > 0}
        error=${rest}
        said=${done ? "It is changed. Every other session has ended." : ""}
      />
    </form>
  `;
}
