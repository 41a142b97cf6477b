/**
 * What a shared link is narrowed to for good: chips without buttons.
 */
import { html } from "../vendor/htm-preact.js";
import { sentenceOf } from "../filters.js";

const TITLE = "The link shows this part only";

/** @param {{ filters: import("../filters.js").Filter[] | null }} props null: narrowed in a way that chips cannot say */
export function FixedFilters({ filters }) {
  const said = filters?.map(sentenceOf) ?? ["A part of the site’s numbers"];
  if (said.length === 0) return null;
  return html`
    <div class="filters" role="group" aria-label=${TITLE} data-test="fixed-filters">
      <ul>
        ${said.map((sentence) => html`<li key=${sentence} class="chip fixed" data-test="fixed-filter" title=${TITLE}>
          <b>${sentence}</b>
        </li>`)}
      </ul>
    </div>
  `;
}
