/**
 * The whole page: which site is shown, and whether there is a report, a first site to add, or a failure to explain.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { getSites } from "../api.js";
import { useResource } from "../use-resource.js";
import { useRoute } from "../use-route.js";
import { Failure } from "./failure.js";
import { FilterBar } from "./filter-bar.js";
import { Welcome } from "./install.js";
import { PeriodPicker } from "./period-picker.js";
import { Report } from "./report.js";
import { SitePicker } from "./site-picker.js";

export function Page() {
  const [route, go] = useRoute();
  const [tick, setTick] = useState(0);
  const sites = useResource("/api/sites", getSites, { tick });
  const reloadSites = () => setTick((old) => old + 1);
  const ids = sites.data?.map((site) => site.site_id) ?? [];
  const first = ids[0] ?? "";

  useEffect(() => {
    if (!route.site && first) go({ site: first }, { replace: true });
  }, [route.site, first]);

  useEffect(() => {
    document.title = route.site ? `${route.site} · Mallard Metrics` : "Mallard Metrics";
  }, [route.site]);

  // Pages and sources of one site mean nothing on another.
  const openSite = (site) => go({ site, filters: [] });
  const filterBy = (filters) => go({ filters });
  return html`
    <a class="skip" href="#report">Skip to the report</a>
    <header class="top">
      <div class="top-inner">
        <a class="brand" href="/"><img src="/mallard.svg" alt="" width="30" height="30" />Mallard Metrics</a>
        ${route.site && html`<${SitePicker} site=${route.site} ids=${ids} onOpen=${openSite} />`}
        ${route.site && html`<${PeriodPicker} route=${route} onChange=${go} />`}
        ${route.site && html`<${FilterBar} filters=${route.filters} onChange=${filterBy} />`}
      </div>
    </header>
    <main id="report" tabindex="-1">
      ${sites.error &&
      !route.site &&
      html`<${Failure} errors=${[sites.error]} pending=${sites.pending} onRetry=${reloadSites} />`}
      ${route.site &&
      html`<${Report}
        key=${route.site}
        route=${route}
        sites=${sites}
        onFilter=${filterBy}
        onReload=${reloadSites}
      />`}
      ${!route.site && sites.data?.length === 0 && html`<${Welcome} onOpen=${openSite} onArrival=${reloadSites} />`}
    </main>
    <footer class="foot">
      <p>No cookies, nothing stored on the visitor’s device, no address kept.</p>
      <a href="/docs">API</a>
    </footer>
  `;
}
