/**
 * What the numbers mean, one sentence each.
 */
import { html } from "../vendor/htm-preact.js";

const TERMS = [
  [
    "Unique visitor",
    "One person on one day, as far as that can be told without storing an address. " +
      "The same reader on two days counts twice, unless the server keeps its salt longer.",
  ],
  [
    "Visit",
    "A visitor’s events with no gap over 30 minutes; where only their hours are kept, in hours that follow one another. " +
      "It ends at midnight in any case.",
  ],
  ["Bounce rate", "The share of visits with exactly one page view and no other event."],
  ["Visit duration", "From the first to the last event of a visit; bounces count as zero and are averaged in."],
  [
    "Breakdowns",
    "Pages count the visitors of each page. Entry and exit pages are those of a visit’s first and last page view. " +
      "Everything else belongs to the visit, as its first event had it.",
  ],
];

export const Definitions = () => html`
  <details class="definitions">
    <summary>What do these numbers mean?</summary>
    <dl>
      ${TERMS.map(([term, meaning]) => html`<div key=${term}><dt>${term}</dt><dd>${meaning}</dd></div>`)}
    </dl>
    <p>Days and hours are those of the site’s time zone, which is UTC unless it was set.</p>
  </details>
`;
