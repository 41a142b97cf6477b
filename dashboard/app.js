/**
 * Puts the dashboard on the page.
 */
import { html, render } from "./vendor/htm-preact.js";
import { Page } from "./components/page.js";

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${Page} />`, root);
