/**
 * One shared link: its address, and the line that puts it into another page.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { Copyable } from "../components/copyable.js";
import { readFilterText, sentenceOf } from "../filters.js";
import { dayName } from "../format.js";
import { embedding, shareAddress } from "../snippet.js";
import { Facts } from "./rows.js";

/** @param {{ link: import("../access.js").Link, isNew: boolean, onRevoke: () => void }} props a new one takes the keyboard */
export function LinkRow({ link, isNew, onRevoke }) {
  const row = useRef(null);
  // At once, not after the next paint: somebody may be writing elsewhere by then.
  useLayoutEffect(() => {
    if (isNew) row.current.focus();
  }, [isNew]);
  const address = shareAddress(link.slug);
  return html`
    <li data-test="link" data-new=${isNew}>
      <div class="row-head" ref=${row} tabindex="-1">
        <b>${link.name}</b> <span class="tag">${link.site_id}</span>
        ${link.has_password && html`<span class="tag">with a password</span>`}
        <button type="button" class="quiet" data-test="revoke-link" onClick=${onRevoke}>
          Revoke<span class="unseen"> ${link.name}</span>
        </button>
      </div>
      <${Copyable} label=${`address of ${link.name}`} text=${address} test="share-address" />
      ${link.embeddable &&
      html`<${Copyable} label=${`line to embed ${link.name}`} text=${embedding(link, address)} test="embed" />`}
      <${Facts}
        facts=${[
          ["Shows", shows(link.filters)],
          ["Made", dayName(link.created_at)],
          ["In other pages", link.embeddable ? "may be embedded" : "not shown"],
        ]}
      />
    </li>
  `;
}

/** @param {string} text JSON */
function shows(text) {
  const filters = readFilterText(text);
  if (filters === null) return html`<code>${text}</code>`;
  return filters.length > 0 ? filters.map(sentenceOf).join(", ") : "everything";
}
