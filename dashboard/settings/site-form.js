/**
 * What can be set of a site: its days, who may send, its goals, and whether everyone may look.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { Copyable } from "../components/copyable.js";
import { dayName } from "../format.js";
import { goalOf, goalRow, linesOf, offeredZones, putSettings } from "../site-settings.js";
import { publicAddress } from "../snippet.js";
import { useSubmission } from "../use-submission.js";
import { Choice, Send, Tick } from "./field.js";
import { GoalsField } from "./goals-field.js";

/** @param {{ site: string, settings: import("../site-settings.js").Settings }} props as they are stored */
export function SiteForm({ site, settings }) {
  const [stored, setStored] = useState(settings);
  const [goals, setGoals] = useState(() => settings.goals.map(goalRow));
  const { busy, error, done, submit, clear } = useSubmission(async (given) => {
    const saved = await putSettings(site, {
      timezone: given.get("timezone"),
      origins: linesOf(given.get("origins")),
      goals: goals.map(goalOf),
      public: given.has("public"),
    });
    setStored(saved);
  });
  const send = (event) => {
    event.preventDefault();
    submit(new FormData(event.currentTarget));
  };
  return html`
    <form class="form" onSubmit=${send} onInput=${() => done && clear()}>
      <${Choice}
        id="timezone"
        label="Time zone"
        options=${offeredZones(stored.timezone).map((id) => ({ id, label: id.replaceAll("_", " ") }))}
        value=${stored.timezone}
        hint=${zoneHint(stored)}
      />
      <div class="field">
        <label for="origins">Pages that may send events</label>
        <textarea
          id="origins"
          name="origins"
          data-test="origins"
          rows=${Math.max(2, stored.origins.length + 1)}
          spellcheck=${false}
          autocapitalize="none"
          aria-describedby="origins-hint"
          defaultValue=${stored.origins.join("\n")}
        ></textarea>
        <p id="origins-hint" class="hint">
          One host a line, such as www.${site} or *.${site}. With none, pages of any host may, or those of ${site} only
          where the server has a list of sites (<code>MALLARD_SITES</code>).
        </p>
      </div>
      <${GoalsField} rows=${goals} onChange=${setGoals} />
      <${Tick}
        id="public"
        hint="Anyone with the address below sees this site’s numbers, without a password. Nobody but you changes anything or gets single events."
        input=${{ type: "checkbox", name: "public", defaultChecked: stored.public }}
      >
        Everyone may look
      <//>
      ${stored.public &&
      html`<${Copyable} label="public address" text=${publicAddress(site)} test="public-address" />`}
      <${Send} action="Save" test="save-site" busy=${busy} error=${error} said=${done ? "Saved." : ""} />
    </form>
  `;
}

/** @param {import("../site-settings.js").Settings} stored */
const zoneHint = ({ timezone, timezone_from: from }) =>
  from
    ? `${timezone} holds from ${dayName(from)} on. Days before stay as they are.`
    : "Days begin at midnight there. Another one holds from tomorrow on; days before stay as they are.";
