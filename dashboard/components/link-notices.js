/**
 * What a shared link says where it shows no report.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { PasswordForm } from "./password-form.js";

/** @param {{ title: string, children: unknown }} props */
export function Notice({ title, children }) {
  useEffect(() => {
    document.title = `${title} · Mallard Metrics`;
  }, [title]);
  return html`
    <section class="panel door" data-test="notice" role="alert">
      <h1>${title}</h1>
      <p>${children}</p>
    </section>
  `;
}

export const Gone = () => html`
  <${Notice} title="This link shows nothing any more">
    It was revoked, or its address is not complete. Ask whoever gave it to you for another one.
  <//>
`;

/** Out of the frame of another page. */
export const WayOut = () => html`
  <a href=${location.href} target="_blank" rel="noopener" data-test="way-out">Open it in a page of its own</a>
`;

/** @param {{ onSubmit: (password: string) => Promise<void> }} props */
export const LinkPassword = ({ onSubmit }) => html`
  <${PasswordForm}
    title="This link has a password"
    lead=${html`<p>Whoever gave you the link knows it.</p>`}
    label="Password of the link"
    autocomplete="current-password"
    action="Show the numbers"
    isOwners=${false}
    onSubmit=${(password) => onSubmit(password)}
  />
`;
