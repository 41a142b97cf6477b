/**
 * Puts what a shared link shows on the page.
 */
import { html, render } from "./vendor/htm-preact.js";
import { SharedPage } from "./components/shared-page.js";

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${SharedPage} />`, root);
