/**
 * Asks for a site id, forgiving about a pasted address, clear about anything else.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { siteIdFrom } from "../url.js";

/** @param {{ id: string, onOpen: (site: string) => void, onCancel?: () => void }} props */
export function SiteForm({ id, onOpen, onCancel }) {
  const [refused, setRefused] = useState(false);

  const submit = (event) => {
    event.preventDefault();
    const field = event.currentTarget.elements.namedItem("site");
    const site = siteIdFrom(field.value);
    setRefused(site === "");
    if (site === "") return field.focus();
    field.value = "";
    return onOpen(site);
  };

  const problem = `${id}-problem`;
  return html`
    <form class="site-form" novalidate onSubmit=${submit}>
      <label for=${id}>Domain of the site</label>
      <input
        id=${id}
        name="site"
        data-test="site-id"
        placeholder="example.com"
        autocomplete="off"
        autocapitalize="none"
        spellcheck=${false}
        inputmode="url"
        aria-invalid=${refused}
        aria-describedby=${problem}
      />
      <p id=${problem} class="problem" role="alert">
        ${refused && "A site is a host’s name such as example.com, or letters, digits, dots, hyphens, underscores and colons."}
      </p>
      <div class="buttons">
        <button type="submit" class="primary">Open</button>
        ${onCancel && html`<button type="button" onClick=${onCancel}>Cancel</button>`}
      </div>
    </form>
  `;
}
