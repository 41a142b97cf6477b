/**
 * A small menu of files with what is shown: one row a day, or one an event.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef } from "../vendor/preact-hooks.js";
import { exportUrl } from "../api.js";

const FILES = [
  { what: "days", title: "Days", formats: ["csv", "json", "parquet"] },
  { what: "events", title: "Events", formats: ["csv", "json", "parquet"] },
];
const NAMES = { csv: "CSV", json: "JSON", parquet: "Parquet" };

/** @param {{ route: import("../url.js").Route }} props */
export function ExportMenu({ route }) {
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
  return html`
    <details ref=${menu} class="export" data-test="export" onFocusOut=${leave} onKeyDown=${escape}>
      <summary>Export</summary>
      <div class="export-files" tabindex="-1">
        ${FILES.map(
          ({ what, title, formats }) => html`
            <p key=${what} role="group" aria-label=${title}>
              <span>${title}</span>
              ${formats.map(
                (format) => html`<a key=${format} href=${exportUrl(route, format, what)} download onClick=${close}>
                  ${NAMES[format]}
                </a>`,
              )}
            </p>
          `,
        )}
      </div>
    </details>
  `;
}
