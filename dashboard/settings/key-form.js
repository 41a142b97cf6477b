/**
 * Makes an API key: what it is for, what it may do, for which sites, and until when.
 */
import { html } from "../vendor/htm-preact.js";
import { createKey } from "../access.js";
import { dayOf } from "../period.js";
import { useSubmission } from "../use-submission.js";
import { Send, TextField, Tick } from "./field.js";
import { SCOPES } from "./scopes.js";
import { SitesField, sitesOf } from "./sites-field.js";

/** @param {{ ids: string[], onMade: (key: { key: string, name: string }) => void }} props */
export function KeyForm({ ids, onMade }) {
  const { busy, error, submit } = useSubmission(async (form) => {
    const given = new FormData(form);
    const made = await createKey({
      name: given.get("key-name").trim(),
      scope: given.get("scope"),
      sites: sitesOf(given),
      expires_at: given.get("expires"),
    });
    onMade(made);
  });
  const send = (event) => {
    event.preventDefault();
    submit(event.currentTarget);
  };
  return html`
    <form class="form" onSubmit=${send}>
      <${TextField}
        id="key-name"
        label="Name"
        hint="So that you know it again: the program or the person it is for."
        input=${{ required: true, maxlength: 100 }}
      />
      <fieldset>
        <legend>What it may do</legend>
        ${SCOPES.map(
          ({ id, label, hint }, at) => html`<${Tick}
            key=${id}
            id=${`scope-${id}`}
            hint=${hint}
            input=${{ type: "radio", name: "scope", value: id, defaultChecked: at === 0 }}
          >
            ${label}
          <//>`,
        )}
      </fieldset>
      <${SitesField} ids=${ids} />
      <${TextField}
        id="expires"
        label="Last day"
        hint="It ends with this day (UTC). Empty: it never ends by itself."
        input=${{ type: "date", min: dayOf(new Date()) }}
      />
      <${Send} action="Make the key" test="make-key" busy=${busy} error=${error} />
    </form>
  `;
}
