/**
 * The page of a shared link: its password where it has one, then the report of its site, and nothing else.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { readFilterText } from "../filters.js";
import { isFramedElsewhere } from "../framed.js";
import { useRoute } from "../use-route.js";
import { useShare } from "../use-share.js";
import { Failure } from "./failure.js";
import { FilterBar } from "./filter-bar.js";
import { FixedFilters } from "./fixed-filters.js";
import { Brand, Frame } from "./frame.js";
import { Gone, LinkPassword, Notice, WayOut } from "./link-notices.js";
import { PeriodPicker } from "./period-picker.js";
import { Report } from "./report.js";

const isFramed = isFramedElsewhere();

export function SharedPage() {
  const { share, asks, wasAsked, error, pending, open } = useShare();
  const isClosed = share && isFramed && !share.embeddable;
  if (share && !isClosed) return html`<${SharedReport} key=${share.token} share=${share} focused=${wasAsked} />`;
  return html`
    <${Frame} brand=${html`<span class="brand"><${Brand} /></span>`} foot=${isFramed && html`<${WayOut} />`} what="content">
      ${contentOf({ isClosed, asks, error, pending, open })}
    <//>
  `;
}

function contentOf({ isClosed, asks, error, pending, open }) {
  if (isClosed) {
    return html`<${Notice} title="This link is not for other pages">
      Its owner did not allow to show it in a frame. <${WayOut} />
    <//>`;
  }
  if (asks) return html`<${LinkPassword} onSubmit=${open} />`;
  if (error?.status === 404) return html`<${Gone} />`;
  return error && html`<${Failure} errors=${[error]} pending=${pending} onRetry=${() => open()} />`;
}

const NOTHING = { data: undefined, error: null, pending: false, stale: false };

/** @param {{ share: import("../access.js").Share, focused: boolean }} props `focused`: takes the keyboard from a form */
function SharedReport({ share, focused }) {
  const [found, go] = useRoute();
  const route = { ...found, site: share.site_id };
  const filterBy = (filters) => go({ filters });
  useEffect(() => {
    if (focused) document.getElementById("report").focus();
  }, []);
  useEffect(() => {
    document.title = `${share.site_id} · Mallard Metrics`;
  }, [share.site_id]);
  return html`
    <${Frame}
      brand=${html`<span class="brand shared-brand"><${Brand} /></span>`}
      bar=${html`
        <p class="shared-name">
          <b class="site-name" data-test="site-name">${share.site_id}</b>
          <span data-test="link-title">${share.name}</span>
        </p>
        <${PeriodPicker} route=${route} onChange=${go} />
        <${FixedFilters} filters=${readFilterText(share.filters)} />
        <${FilterBar} filters=${route.filters} onChange=${filterBy} />
      `}
      foot=${isFramed && html`<${WayOut} />`}
    >
      <${Report} key=${route.site} route=${route} sites=${NOTHING} isGuest onGo=${go} onFilter=${filterBy} onReload=${() => {}} />
    <//>
  `;
}
