/**
 * The funnel: its steps, how many came how far, and the same by country, source or browser.
 */
import { html } from "../vendor/htm-preact.js";
import { exactCount } from "../format.js";
import { BREAKDOWNS } from "./state.js";
import { FunnelBars, shareOf } from "./funnel-bars.js";
import { FunnelTable } from "./funnel-table.js";
import { ModeField, WindowField } from "./options.js";
import { Answer, Choose, NoSteps, Panel, Skeleton } from "./panel.js";
import { isAbout, useAnswer } from "./questions.js";
import { StepEditor } from "./step-editor.js";
import { readSteps, writeSteps } from "./steps.js";

const LEAD = "How many visitors take some steps one after the other, and where they leave.";

/** @param {import("./behaviour.js").Shown} props */
export function Funnel({ route, earlier, known, isEmpty, tick, change, again }) {
  const { window = "", mode = "", by = "", ...state } = route.behaviour;
  const steps = readSteps(state.steps ?? "");
  const text = writeSteps(steps);
  const asked = { steps: text, window, mode };
  const answer = useAnswer("funnel", text ? route : null, asked, tick);
  const before = useAnswer("funnel", text ? earlier : null, asked, tick);
  const parts = useAnswer("funnel", text && by && !answer.error ? route : null, { ...asked, breakdown: by }, tick);

  const { error } = answer;
  const aboutSteps = error?.status === 400 && !isAbout(error, "window", "mode", "filters");
  const isRefused = isAbout(error, "window", "mode") || aboutSteps;
  // Numbers of another count of steps have no place here.
  const counts = answer.data?.length === steps.length ? answer.data.map(({ visitors }) => visitors) : null;
  const earlierCounts = before.data?.length === steps.length ? before.data.map(({ visitors }) => visitors) : null;
  return html`
    <${Panel} id="funnel" title="Funnel" lead=${LEAD}>
      <div class="asked-and-answer">
        <div class="asked">
          <${StepEditor}
            text=${text}
            known=${known}
            error=${aboutSteps ? error : null}
            isWaiting=${!isEmpty}
            onChange=${(changed) => change({ steps: changed })}
          />
          <div class="fields">
            <${WindowField}
              value=${window}
              error=${isAbout(error, "window") && error}
              onChange=${(changed) => change({ window: changed })}
            />
            <${Choose}
              id="by"
              label="Broken down by"
              value=${by}
              options=${[{ id: "", label: "Nothing" }, ...BREAKDOWNS.map(({ id, one }) => ({ id, label: one }))]}
              onChange=${(changed) => change({ by: changed })}
            />
          </div>
          <${ModeField}
            value=${mode}
            error=${isAbout(error, "mode") && error}
            onChange=${(changed) => change({ mode: changed })}
          />
        </div>
        <${Answer}
          answer=${answer}
          isRefused=${isRefused}
          said=${counts ? sentenceOf(counts) : ""}
          skeleton=${text || !isEmpty ? html`<${Skeleton} rows=${steps.length || 3} what="bars" />` : html`<${NoSteps} />`}
          onRetry=${again}
        >
          ${counts && html`<${FunnelBars} steps=${steps} counts=${counts} before=${earlierCounts} />`}
        <//>
      </div>
      ${by &&
      !error &&
      html`<${FunnelTable}
        dimension=${BREAKDOWNS.find(({ id }) => id === by)}
        steps=${steps}
        answer=${parts}
        onRetry=${again}
      />`}
    <//>
  `;
}

/** @param {number[]} counts */
function sentenceOf(counts) {
  const [first, last] = [counts[0], counts.at(-1)];
  const rate = first > 0 ? `, ${shareOf(last, first)}` : "";
  return `${exactCount(last)} of ${exactCount(first)} visitors took all ${counts.length} steps${rate}.`;
}
