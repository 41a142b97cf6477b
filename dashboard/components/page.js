/**
 * The page of who may look: the settings, or which site is shown and whether there is a report, a first site to add,
 * or a failure to explain.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { getSites } from "../api.js";
import { readRoute } from "../url.js";
import { useResource } from "../use-resource.js";
import { Failure } from "./failure.js";
import { FilterBar } from "./filter-bar.js";
import { Brand, Frame } from "./frame.js";
import { Welcome } from "./install.js";
import { PeriodPicker } from "./period-picker.js";
import { ReaderMenu } from "./reader-menu.js";
import { Report } from "./report.js";
import { RouteLink } from "./route-link.js";
import { SettingsPlace } from "./settings-place.js";
import { SitePicker } from "./site-picker.js";

/** @typedef {import("../url.js").Route} Route */

/**
 * @param {object} props
 * @param {Route} props.route
 * @param {(change: Partial<Route>, options?: { replace?: boolean }) => void} props.go
 * @param {import("../use-access.js").Access} props.access
 */
export function Page({ route, go, access }) {
  const isGuest = access.reader === "visitor";
  const [tick, setTick] = useState(0);
  const sites = useResource(isGuest ? "" : "/api/sites", getSites, { tick });
  const reloadSites = () => setTick((old) => old + 1);
  const ids = sites.data?.map((site) => site.site_id) ?? [];
  const first = ids[0] ?? "";
  const isSettings = route.view === "settings" && !isGuest;

  useEffect(() => {
    if (!route.site && first) go({ site: first }, { replace: true });
  }, [route.site, first]);

  const shown = isSettings ? "Settings" : route.site;
  useEffect(() => {
    document.title = shown ? `${shown} · Mallard Metrics` : "Mallard Metrics";
  }, [shown]);

  // Pages and sources of one site mean nothing on another.
  const openSite = (site) => go({ site, filters: [], behaviour: {} });
  const filterBy = (filters) => go({ filters });
  const isReport = route.site && !isSettings;
  return html`
    <${Frame}
      waiting=${access.place === "asking"}
      what=${isSettings ? "settings" : "report"}
      brand=${html`<${RouteLink} class="brand" route=${readRoute("")} to=${readRoute("")} onGo=${go}><${Brand} /><//>`}
      bar=${html`
        <${ReaderMenu} route=${route} go=${go} access=${access} />
        ${isReport && !isGuest && html`<${SitePicker} site=${route.site} ids=${ids} onOpen=${openSite} />`}
        ${isReport && isGuest && html`<b class="site-name" data-test="site-name">${route.site}</b>`}
        ${isReport && html`<${PeriodPicker} route=${route} onChange=${go} />`}
        ${isReport && html`<${FilterBar} filters=${route.filters} onChange=${filterBy} />`}
      `}
    >
      ${isSettings && html`<${SettingsPlace} route=${route} go=${go} access=${access} sites=${sites} ids=${ids} />`}
      ${sites.error &&
      !route.site &&
      !isSettings &&
      html`<${Failure} errors=${[sites.error]} pending=${sites.pending} onRetry=${reloadSites} />`}
      ${isReport &&
      html`<${Report}
        key=${route.site}
        route=${route}
        sites=${sites}
        isGuest=${isGuest}
        onGo=${go}
        onFilter=${filterBy}
        onReload=${reloadSites}
      />`}
      ${!route.site &&
      !isSettings &&
      sites.data?.length === 0 &&
      html`<${Welcome} onOpen=${openSite} onArrival=${reloadSites} />`}
    <//>
  `;
}
