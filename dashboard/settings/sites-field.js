/**
 * For which sites something is: all, or some that are ticked or named.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { linesOf } from "../site-settings.js";
import { TextField, Tick } from "./field.js";

/**
 * What the field says: none is all. To an API without any everything is open, so some may not turn out to be none.
 *
 * @param {FormData} given @returns {string[]}
 */
export function sitesOf(given) {
  if (given.get("reach") !== "some") return [];
  const sites = new Set([...given.getAll("site"), ...linesOf(given.get("others"))]);
  if (sites.size === 0) throw new Error("Tick or name at least one site, or choose all.");
  return [...sites];
}

/** @param {{ ids: string[] }} props */
export function SitesField({ ids }) {
  const [reach, setReach] = useState("all");
  const radio = (value) => ({
    type: "radio",
    name: "reach",
    value,
    checked: reach === value,
    onChange: () => setReach(value),
  });
  return html`
    <fieldset>
      <legend>For which sites</legend>
      <${Tick} id="reach-all" input=${radio("all")}>All, also those to come<//>
      <${Tick} id="reach-some" input=${radio("some")}>Some<//>
      <div class="some" hidden=${reach !== "some"}>
        ${ids.map(
          (site, at) => html`<${Tick} key=${site} id=${`site-${at}`} input=${{ type: "checkbox", name: "site", value: site }}>
            ${site}
          <//>`,
        )}
        <${TextField}
          id="others"
          label=${ids.length > 0 ? "Others" : "Sites"}
          hint="With commas between, such as example.com, shop.example.com."
        />
      </div>
    </fieldset>
  `;
}
