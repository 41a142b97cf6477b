/**
 * Chooses the site among those with events, and opens one that is not listed yet.
 */
import { html } from "../vendor/htm-preact.js";
import { AddSite } from "./add-site.js";

/** @param {{ site: string, ids: string[], onOpen: (site: string) => void }} props */
export function SitePicker({ site, ids, onOpen }) {
  const offered = ids.includes(site) ? ids : [site, ...ids];
  return html`
    <div class="picker site-picker">
      <label class="unseen" for="site">Site</label>
      <select id="site" data-test="site" value=${site} onChange=${(event) => onOpen(event.currentTarget.value)}>
        ${offered.map((id) => html`<option key=${id} value=${id} selected=${id === site}>${id}</option>`)}
      </select>
      <${AddSite} onOpen=${onOpen} />
    </div>
  `;
}
