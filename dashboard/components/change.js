/**
 * A change from an earlier range: an arrow and a number for the eye, words for the ear. Colour only underlines them.
 */
import { html } from "../vendor/htm-preact.js";

const ARROWS = { up: "↑", down: "↓", same: "→" };
const WORDS = { up: "up", down: "down", same: "unchanged," };

/** @param {{ change: import("../compare.js").Change, before: string }} props `before` is the earlier value */
export const Change = ({ change: { amount, direction, verdict }, before }) => html`
  <span class="change" data-test="change" data-verdict=${verdict} title=${`${before} before`}>
    <span aria-hidden="true">${ARROWS[direction]} ${amount}</span>
    <span class="unseen">${WORDS[direction]} ${amount} from ${before}</span>
  </span>
`;
