/**
 * Makes a shared link: of which site, for whom, and whether it shows all of it.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { createLink } from "../access.js";
import { PasswordField } from "../components/password-field.js";
import { filterText, sentenceOf } from "../filters.js";
import { useSubmission } from "../use-submission.js";
import { Choice, Send, TextField, Tick } from "./field.js";

/** @typedef {import("../access.js").Link} Link */

/** @param {{ route: import("../url.js").Route, ids: string[], onMade: (link: Link) => void }} props */
export function LinkForm({ route, ids, onMade }) {
  const offered = route.site && !ids.includes(route.site) ? [route.site, ...ids] : ids;
  const [site, setSite] = useState(route.site);
  const { busy, error, submit } = useSubmission(async (given) => {
    const link = await createLink({
      site_id: given.get("link-site") ?? "",
      name: given.get("link-name").trim(),
      password: given.get("link-password"),
      filters: given.has("filtered") ? filterText(route.filters) : "",
      embeddable: given.has("embeddable"),
    });
    onMade(link);
  });
  const send = (event) => {
    event.preventDefault();
    submit(new FormData(event.currentTarget));
  };
  return html`
    <form class="form" onSubmit=${send}>
      <${Choice}
        id="link-site"
        label="Site"
        options=${offered.map((id) => ({ id, label: id }))}
        value=${site}
        onChange=${(event) => setSite(event.currentTarget.value)}
      />
      <${TextField}
        id="link-name"
        label="Name"
        hint="Whoever has the link sees it too."
        input=${{ required: true, maxlength: 100 }}
      />
      <${PasswordField}
        id="link-password"
        label="Password, if you like"
        hint="At least 8 characters. Empty: the link alone is enough."
        autocomplete="new-password"
        optional
      />
      <${Filtered} route=${route} site=${site} />
      <${Tick}
        id="embeddable"
        hint="Pages of other sites may show it in a frame; the line to paste is given below its address."
        input=${{ type: "checkbox", name: "embeddable" }}
      >
        It may be embedded
      <//>
      <${Send} action="Make the link" test="make-link" busy=${busy} error=${error} />
    </form>
  `;
}

/** The filters of the report may narrow the link for good. */
function Filtered({ route, site }) {
  const isPossible = route.filters.length > 0 && site === route.site;
  const hint = isPossible
    ? `It shows only this part: ${route.filters.map(sentenceOf).join(", ")}.`
    : "To share a part only, set filters in the report, and come back here.";
  return html`
    <${Tick}
      key=${isPossible}
      id="filtered"
      hint=${hint}
      input=${{ type: "checkbox", name: "filtered", disabled: !isPossible, defaultChecked: isPossible }}
    >
      With the filters of the report
    <//>
  `;
}
