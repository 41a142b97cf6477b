/**
 * The sentence above numbers that lack a damaged file.
 */
import { html } from "../vendor/htm-preact.js";
import { bucketName } from "../format.js";

const MOST_NAMED = 3;

/** @param {{ dates: string[] }} props YYYY-MM-DD, several files may be of one date */
export function Incomplete({ dates }) {
  const days = [...new Set(dates)];
  if (days.length === 0) return null;
  const named = days.slice(0, MOST_NAMED).map(bucketName).join("; ");
  const more = days.length > MOST_NAMED ? ` and ${days.length - MOST_NAMED} more` : "";
  return html`
    <p class="incomplete" role="status" data-test="incomplete">
      These numbers are incomplete: damaged files of ${named}${more} are left out. The server’s log names them.
    </p>
  `;
}
