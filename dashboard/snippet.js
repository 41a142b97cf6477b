/**
 * The two texts a new site needs: the tag for its pages, and a test event for a terminal.
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
