/**
 * What every page has around it: the way past the header, the header, the main part and the footer.
 */
import { html } from "../vendor/htm-preact.js";
import { serverUrl } from "../http.js";

/**
 * @param {object} props
 * @param {unknown} props.brand
 * @param {unknown} [props.bar] the rest of the header
 * @param {unknown} [props.foot] what stands in the footer before the link to the API
 * @param {string} [props.what] is skipped to
 * @param {boolean} [props.waiting] whether it is not known yet if this page may be seen: it keeps its place unseen
 * @param {unknown} props.children
 */
export const Frame = ({ brand, bar, foot, what = "report", waiting = false, children }) => html`
  <div class="frame" data-waiting=${waiting}>
    <a class="skip" href="#report">Skip to the ${what}</a>
    <header class="top">
      <div class="top-inner">${brand} ${bar}</div>
    </header>
    <main id="report" tabindex="-1">${children}</main>
    <footer class="foot">
      <p>No cookies, nothing stored on the visitor’s device, no address kept.</p>
      ${foot ?? html`<a href=${serverUrl("/docs")}>API</a>`}
    </footer>
  </div>
`;

/** @param {{ children?: unknown }} props the name, with its sign */
export const Brand = () => html`<img src="/mallard.svg" alt="" width="30" height="30" />Mallard Metrics`;
