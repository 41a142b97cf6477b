/**
 * A small menu of files with what is shown: one row a day, or one an event.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { exportUrl } from "../api.js";
import { getFile, isBearing, serverUrl } from "../http.js";
import { Menu } from "./menu.js";

const FILES = [
  { what: "days", title: "Days", formats: ["csv", "json", "parquet"] },
  { what: "events", title: "Events", formats: ["csv", "json", "parquet"] },
];
const NAMES = { csv: "CSV", json: "JSON", parquet: "Parquet" };

/** Events themselves are for the owner. @param {{ route: import("../url.js").Route, isGuest: boolean }} props */
export function ExportMenu({ route, isGuest }) {
  const [said, setSaid] = useState("");
  const fetchFile = async (event, url) => {
    if (!isBearing()) return;
    // A plain link carries no token.
    event.preventDefault();
    setSaid("Fetching the file…");
    try {
      save(await getFile(url));
      setSaid("");
    } catch (error) {
      setSaid(error.message);
    }
  };
  return html`
    <div class="export-place">
      <span class="export-said" role="status">${said}</span>
      <${Menu} test="export" summary="Export">
        ${FILES.filter(({ what }) => what === "days" || !isGuest).map(
          ({ what, title, formats }) => html`
            <p key=${what} role="group" aria-label=${title}>
              <span>${title}</span>
              ${formats.map((format) => {
                const url = exportUrl(route, format, what);
                return html`<a
                  key=${format}
                  href=${serverUrl(url)}
                  download
                  onClick=${(event) => fetchFile(event, url)}
                >
                  ${NAMES[format]}
                </a>`;
              })}
            </p>
          `,
        )}
      <//>
    </div>
  `;
}

/** @param {{ name: string, blob: Blob }} file */
function save({ name, blob }) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
