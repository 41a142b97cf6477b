/**
 * Removes a site's days for good, once its name has been typed.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { counted, exactCount } from "../format.js";
import { dayOf } from "../period.js";
import { eraseDays } from "../site-settings.js";
import { useSubmission } from "../use-submission.js";
import { TextField } from "./field.js";

/** @param {{ site: string }} props */
export function Erase({ site }) {
  const [typed, setTyped] = useState("");
  const [erased, setErased] = useState(null);
  const { busy, error, submit } = useSubmission(async (form) => {
    const given = new FormData(form);
    setErased(null);
    setErased(await eraseDays(site, given.get("erase-from"), given.get("erase-to")));
    setTyped("");
  });
  const isSure = typed.trim().toLowerCase() === site;
  const send = (event) => {
    event.preventDefault();
    if (isSure) submit(event.currentTarget);
  };
  const today = dayOf(new Date());
  return html`
    <section class="panel section" aria-labelledby="erase-heading">
      <h2 id="erase-heading">Erase days of ${site}</h2>
      <p>All that was counted on these days is removed everywhere. <b>There is no way back.</b></p>
      <form class="form" onSubmit=${send}>
        <div class="pair">
          <${TextField} id="erase-from" label="From" input=${{ type: "date", required: true }} />
          <${TextField} id="erase-to" label="To, inclusive" input=${{ type: "date", required: true, max: today }} />
        </div>
        <${TextField}
          id="erase-name"
          label=${`Type ${site} to confirm`}
          input=${{
            value: typed,
            autocapitalize: "none",
            spellcheck: false,
            required: true,
            onInput: (event) => setTyped(event.currentTarget.value),
          }}
        />
        <div class="send">
          <button type="submit" class="danger" data-test="erase" aria-disabled=${busy || !isSure}>
            ${busy ? "Erasing…" : "Erase these days"}
          </button>
          <span class="hint" role="status" data-test="erased">${erased && sentenceOf(erased)}</span>
          <p class="problem" role="alert">${error?.message}</p>
        </div>
      </form>
    </section>
  `;
}

/** @param {import("../site-settings.js").Erasure} erasure */
function sentenceOf({ status, days, events, pending }) {
  if (status === "queued") return "They will be gone within minutes: the server is at it.";
  if (days.length === 0 && !pending) return "There is nothing on these days any more.";
  const of = `${days.length} ${counted(days.length, "day", "days")}`;
  const waited = pending ? `, and ${exactCount(pending)} that waited` : "";
  return `${exactCount(events)} ${counted(events, "event", "events")} of ${of} are gone${waited}.`;
}
