/**
 * A button and its dialog, which open a site by its id.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef } from "../vendor/preact-hooks.js";
import { SiteForm } from "./site-form.js";

/** @param {{ onOpen: (site: string) => void }} props */
export function AddSite({ onOpen }) {
  const dialog = useRef(null);
  const open = (site) => {
    dialog.current.close();
    onOpen(site);
  };
  return html`
    <button
      type="button"
      class="icon"
      aria-label="Add a site"
      title="Add a site"
      data-test="add-site"
      onClick=${() => dialog.current.showModal()}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M8 3v10M3 8h10" /></svg>
    </button>
    <dialog ref=${dialog} aria-labelledby="add-site-heading">
      <h2 id="add-site-heading">Add a site</h2>
      <${SiteForm} id="add-site" onOpen=${open} onCancel=${() => dialog.current.close()} />
    </dialog>
  `;
}
