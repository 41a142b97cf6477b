/**
 * A small menu behind a button; it closes by Escape, by a click beside it, and when something in it is chosen.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef } from "../vendor/preact-hooks.js";

/** @param {{ test: string, summary: unknown, label?: string, children: unknown }} props `label` where it shows no words */
export function Menu({ test, summary, label, children }) {
  const menu = useRef(null);
  const close = () => {
    menu.current.open = false;
  };
  // What is clicked inside has the focus, or its box has it: not every browser gives it to links.
  const leave = (event) => menu.current.contains(event.relatedTarget) || close();
  const escape = (event) => {
    if (event.key !== "Escape" || !menu.current.open) return;
    close();
    menu.current.firstElementChild.focus();
  };
  const choose = (event) => event.target.closest("a, button") && close();
  return html`
    <details ref=${menu} class=${`menu ${test}`} data-test=${test} onFocusOut=${leave} onKeyDown=${escape}>
      <summary aria-label=${label} title=${label}>${summary}</summary>
      <div class="menu-box" tabindex="-1" onClick=${choose}>${children}</div>
    </details>
  `;
}
