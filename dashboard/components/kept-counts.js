/**
 * The sentence about days whose events are gone and whose daily counts were kept.
 */
import { html } from "../vendor/htm-preact.js";
import { dayName } from "../format.js";

/** @param {{ from: string | undefined }} props the first day with all its events, where some of the period come before */
export const KeptCounts = ({ from }) =>
  from &&
  html`<p class="kept-counts" data-test="kept-counts">
    All events are there from ${dayName(from)} on. Of days before, only the daily counts were kept: filters, funnels,
    retention, sequences and flow leave those days out.
  </p>`;
