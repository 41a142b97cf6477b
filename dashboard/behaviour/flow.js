/**
 * Flow: the pages that visitors see next after a page or an event, or saw before it.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { FlowTable } from "./flow-table.js";
import { NameField } from "./name-field.js";
import { Answer, Choose, Labelled, Panel, Skeleton } from "./panel.js";
import { isAbout, useAnswer } from "./questions.js";
import { DEPTHS, DIRECTIONS } from "./state.js";

/** Rows of a list, by depth: lists below lists grow long. */
const LIMITS = { 1: "10", 2: "5", 3: "3" };
const LEAD = "Where visitors go from a page or an event, and where they came from. Choose a page to go on from there.";
const KINDS = [
  { id: "page", label: "Page" },
  { id: "event", label: "Event" },
];

/** @param {import("./behaviour.js").Shown} props */
export function Flow({ route, known, entry, isEmpty, tick, change, again }) {
  const { event = "", direction = "forward", depth = "1", ...state } = route.behaviour;
  const page = event ? "" : (state.page ?? "");
  const isAsked = page !== "" || event !== "";
  const asked = { page, event, direction, depth, exits: "true", limit: LIMITS[depth] };
  const answer = useAnswer("flow", isAsked ? route : null, asked, tick);
  const [heading, move] = useFocusAfter(answer, (value) => change({ page: value, event: "" }));

  const aboutName = isAbout(answer.error, "page", "event");
  const kind = event ? "event" : "page";
  const from = event || page;
  const what = direction === "forward" ? `After ${from}` : `Before ${from}`;
  const choose = (next) => {
    if (next === kind) return;
    if (next === "page") return change({ page: entry, event: "" });
    const name = known.events.find((each) => each !== "pageview") ?? known.events[0] ?? "pageview";
    return change({ page: "", event: name });
  };
  return html`
    <${Panel} id="flow" title="Flow" lead=${LEAD}>
      <div class="fields">
        <${Choose} id="flow-kind" label="From" value=${kind} options=${KINDS} onChange=${choose} />
        <${Labelled} id="flow-name" label=${kind === "page" ? "Path" : "Name"} error=${aboutName && answer.error}>
          <${NameField}
            id="flow-name"
            kind=${kind}
            value=${from}
            known=${known}
            isWrong=${aboutName}
            onChange=${(value) => change(kind === "page" ? { page: value, event: "" } : { page: "", event: value })}
          />
        <//>
        <${Choose}
          id="direction"
          label="Direction"
          value=${direction}
          options=${DIRECTIONS}
          onChange=${(changed) => change({ direction: changed })}
        />
        <${Choose}
          id="depth"
          label="Steps"
          value=${depth}
          options=${DEPTHS.map((each) => ({ id: each, label: each }))}
          onChange=${(changed) => change({ depth: changed })}
        />
      </div>
      <h3 ref=${heading} tabindex="-1" data-test="flow-heading">${isAsked ? what : ""}</h3>
      <${Answer}
        answer=${answer}
        isRefused=${aboutName}
        said=${answer.data ? `${what}: ${answer.data.length} rows.` : ""}
        skeleton=${isEmpty && !isAsked ? html`<p class="nothing">Nothing happened in this period.</p>` : html`<${Skeleton} rows=${8} />`}
        onRetry=${again}
      >
        ${answer.data && html`<${FlowTable} rows=${answer.data} label=${what} onMove=${move} />`}
      <//>
    <//>
  `;
}

/** The row that was chosen is gone with its list: the keyboard goes on at the heading of the new one. */
function useFocusAfter({ data, stale }, onMove) {
  const heading = useRef(null);
  const hasMoved = useRef(false);
  useEffect(() => {
    if (!hasMoved.current || stale) return;
    hasMoved.current = false;
    if (document.activeElement === document.body) heading.current.focus({ preventScroll: true });
  }, [data, stale]);
  return [
    heading,
    (page) => {
      hasMoved.current = true;
      onMove(page);
    },
  ];
}
