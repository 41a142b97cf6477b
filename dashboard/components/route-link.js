/**
 * A link to another state of the page: a plain click stays on it, anything else is the browser's.
 */
import { html } from "../vendor/htm-preact.js";
import { routeSearch } from "../url.js";

/** @typedef {import("../url.js").Route} Route */

/**
 * What stands behind a # stays, as it does on the way: it names a shared link.
 *
 * @param {object} props also attributes of the link
 * @param {Route} props.route where we are
 * @param {Partial<Route>} props.to what changes
 * @param {(change: Partial<Route>) => void} props.onGo
 * @param {unknown} props.children
 */
export function RouteLink({ route, to, onGo, children, ...attributes }) {
  const follow = (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onGo(to);
  };
  return html`<a href=${routeSearch({ ...route, ...to }) + location.hash} onClick=${follow} ...${attributes}>${children}</a>`;
}
