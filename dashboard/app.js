/**
 * Puts the dashboard on the page.
 */
import { html, render } from "./vendor/htm-preact.js";
import { Door } from "./components/door.js";

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${Door} />`, root);
