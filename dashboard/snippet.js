/**
 * Texts to be pasted elsewhere: the tag for a site's pages, a test event for a terminal, addresses to pass on.
 */

/** @param {string} site @param {string} origin */
export const snippet = (site, origin) =>
  `<script defer data-domain="${site}" src="${origin}/tracking/script.js"></script>`;

// A browser's user agent, because curl's own is taken for a bot and dropped.
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/** @param {string} site @param {string} origin */
export function testEvent(site, origin) {
  const event = JSON.stringify({ d: site, n: "pageview", u: `https://${site}/` });
  return `curl -X POST ${origin}/api/event -H 'User-Agent: ${BROWSER}' -d '${event}'`;
}

/** Where a shared link leads; what stands behind the # reaches no log and no other site. @param {string} slug */
export const shareAddress = (slug) => `${location.origin}/share.html#${slug}`;

/** @param {{ site_id: string }} link @param {string} address */
export const embedding = ({ site_id: site }, address) =>
  `<iframe src="${address}" title="Statistics of ${site}" width="100%" height="1600" loading="lazy" style="border: 0"></iframe>`;

/** Where everybody sees a public site. @param {string} site */
export const publicAddress = (site) => `${location.origin}/?${new URLSearchParams({ site })}`;
