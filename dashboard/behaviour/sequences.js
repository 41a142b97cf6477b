/**
 * Sequences: how many visitors do some steps in the order of a pattern, how often, and how long it takes them.
 */
import { html } from "../vendor/htm-preact.js";
import { exactCount } from "../format.js";
import { DraftInput } from "./draft-input.js";
import { Answer, Labelled, NoSteps, Panel, Skeleton } from "./panel.js";
import { isAbout, useAnswer } from "./questions.js";
import { Figures, Times } from "./sequence-figures.js";
import { StepEditor } from "./step-editor.js";
import { readSteps, writeSteps } from "./steps.js";

const LEAD = "How many visitors do some steps in an order, and how long it takes them from one to the next.";
const HINT = "(?1) is step 1, .* anything, (?t<=3600) at most 3,600 seconds. Empty: all steps, one after the other.";

/** @param {import("./behaviour.js").Shown} props */
export function Sequences({ route, earlier, known, isEmpty, tick, change, again }) {
  const { pattern = "", ...state } = route.behaviour;
  const steps = readSteps(state.steps ?? "");
  const text = writeSteps(steps);
  const asked = { steps: text, pattern, details: "true" };
  const answer = useAnswer("sequences", text ? route : null, asked, tick);
  const before = useAnswer("sequences", text ? earlier : null, asked, tick);

  const { data, error } = answer;
  const aboutPattern = isAbout(error, "pattern");
  const aboutSteps = error?.status === 400 && !aboutPattern && !isAbout(error, "filters");
  return html`
    <${Panel} id="sequences" title="Sequences" lead=${LEAD}>
      <div class="asked-and-answer">
        <div class="asked">
          <${StepEditor}
            text=${text}
            known=${known}
            error=${aboutSteps ? error : null}
            isWaiting=${!isEmpty}
            onChange=${(changed) => change({ steps: changed })}
          />
          <${PatternField}
            value=${pattern}
            steps=${steps}
            error=${aboutPattern && error}
            onChange=${(changed) => change({ pattern: changed })}
          />
        </div>
        <${Answer}
          answer=${answer}
          isRefused=${aboutPattern || aboutSteps}
          said=${data ? sentenceOf(data) : ""}
          skeleton=${text || !isEmpty ? html`<${Skeleton} rows=${5} />` : html`<${NoSteps} />`}
          onRetry=${again}
        >
          ${data &&
          html`<${Figures} data=${data} before=${before.data} />
            <${Times} steps=${steps} pattern=${pattern} seconds=${data.median_seconds ?? []} />`}
        <//>
      </div>
    <//>
  `;
}

/** @param {import("./sequence-figures.js").Sequence} data */
const sentenceOf = ({ converting_visitors: did, total_visitors: all }) =>
  `${exactCount(did)} of ${exactCount(all)} visitors did it.`;

/** @param {{ value: string, steps: unknown[], error: Error | false | null, onChange: (value: string) => void }} props */
const PatternField = ({ value, steps, error, onChange }) => html`
  <${Labelled} id="pattern" label="Pattern" error=${error}>
    <${DraftInput}
      id="pattern"
      class="code"
      data-test="pattern"
      value=${value}
      placeholder=${steps.map((_, at) => `(?${at + 1})`).join(".*")}
      hint="pattern-hint"
      isWrong=${error}
      onTake=${onChange}
    />
    <p id="pattern-hint" class="hint">${HINT}</p>
  <//>
`;
