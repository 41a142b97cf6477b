/**
 * The settings of one site, and the end of its days.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { Failure } from "../components/failure.js";
import { SitePicker } from "../components/site-picker.js";
import { getSettings } from "../site-settings.js";
import { useResource } from "../use-resource.js";
import { Erase } from "./erase.js";
import { SiteForm } from "./site-form.js";

/**
 * @param {object} props
 * @param {import("../url.js").Route} props.route
 * @param {(change: Partial<import("../url.js").Route>) => void} props.go
 * @param {import("../use-resource.js").Resource<unknown>} props.sites
 * @param {string[]} props.ids
 */
export function SitesSection({ route, go, sites, ids }) {
  const { site } = route;
  const [tick, setTick] = useState(0);
  const settings = useResource(site ? `settings of ${site}` : "", (signal) => getSettings(site, signal), { tick });
  const reload = () => setTick((old) => old + 1);
  const failed = (!settings.data && settings.error) || (!site && sites.error);
  return html`
    <section class="panel section" aria-labelledby="site-heading">
      <h2 id="site-heading" class="unseen">Settings of a site</h2>
      ${site
        ? html`<${SitePicker} site=${site} ids=${ids} onOpen=${(next) => go({ site: next, filters: [] })} />`
        : html`<p class="nothing" data-test="no-site">There is no site yet: one appears with its first event.</p>`}
      ${failed && html`<${Failure} errors=${[failed]} pending=${settings.pending} onRetry=${reload} />`}
      ${site && !settings.data && !failed && html`<div class="list-skeleton" aria-hidden="true"><i /><i /><i /></div>`}
      ${settings.data && html`<${SiteForm} key=${site} site=${site} settings=${settings.data} />`}
    </section>
    ${site && html`<${Erase} key=${site} site=${site} />`}
  `;
}
