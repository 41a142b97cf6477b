/**
 * What visitors do one thing after another: the sessions' numbers, and below them one of four reports.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { Failure } from "../components/failure.js";
import { KeptCounts } from "../components/kept-counts.js";
import { RouteLink } from "../components/route-link.js";
import { includesToday } from "../period.js";
import { usePoll } from "../use-poll.js";
import { Flow } from "./flow.js";
import { Funnel } from "./funnel.js";
import { earlierRoute, useBasis, useGoals } from "./questions.js";
import { Retention } from "./retention.js";
import { Sequences } from "./sequences.js";
import { SessionCards } from "./sessions.js";
import { VIEWS } from "./state.js";
import { suggestSteps } from "./steps.js";

const REFRESH_SECONDS = 60;
const REPORTS = { funnel: Funnel, retention: Retention, sequences: Sequences, flow: Flow };

/** @typedef {import("../url.js").Route} Route */
/**
 * @typedef {object} Shown what each report gets
 * @property {Route} route
 * @property {Route | null} earlier the range to compare with
 * @property {{ pages: string[], events: string[], goals: string[] }} known names to choose from
 * @property {string} entry the page where most visits begin; "" while it is not known
 * @property {boolean} isEmpty whether the period has no events
 * @property {number} tick
 * @property {(change: import("./state.js").State) => void} change
 * @property {() => void} again
 */

/** @param {{ route: Route, isGuest: boolean, onGo: (change: Partial<Route>, options?: object) => void }} props */
export function Behaviour({ route, isGuest, onGo }) {
  const [tick, setTick] = useState(0);
  const basis = useBasis(route, tick);
  const goals = useGoals(isGuest ? "" : route.site);
  const again = () => setTick((old) => old + 1);
  usePoll(again, includesToday(route, new Date()) ? REFRESH_SECONDS : 0);

  const state = route.behaviour;
  const show = state.show || VIEWS[0].id;
  const Report = REPORTS[show];
  const found = basis.data?.breakdowns;
  const entry = (found?.entry_pages[0] ?? found?.pages[0])?.value ?? "";
  // What is suggested goes into the address: a link shows the same to everybody, and another period the same steps.
  const isFlow = show === "flow";
  const steps = show !== "retention" && !isFlow && !state.steps && found && goals ? suggestSteps(found, goals) : "";
  const page = isFlow && !state.page && !state.event ? entry : "";
  useEffect(() => {
    if (steps || page) onGo({ behaviour: { ...state, ...(steps ? { steps } : { page }) } }, { replace: true });
  }, [steps, page]);

  const shown = {
    route,
    earlier: earlierRoute(route, basis),
    known: { pages: namesOf(found?.pages), events: namesOf(found?.events), goals: goals ?? [] },
    entry,
    isEmpty: Boolean(found) && found.events.length === 0,
    tick,
    again,
    change: (change) => onGo({ behaviour: { ...state, ...change } }),
  };
  return html`
    <${SessionCards} route=${route} earlier=${shown.earlier} tick=${tick} />
    ${basis.error && html`<${Failure} errors=${[basis.error]} pending=${basis.pending} onRetry=${again} />`}
    <${KeptCounts} from=${basis.data?.events_from} />
    <nav class="tabs" aria-label="Behaviour">
      ${VIEWS.map(
        ({ id, label }) => html`<${RouteLink}
          key=${id}
          route=${route}
          to=${{ behaviour: { ...state, show: id === VIEWS[0].id ? "" : id } }}
          onGo=${onGo}
          data-test=${`show-${id}`}
          aria-current=${id === show ? "page" : null}
        >
          ${label}
        <//>`,
      )}
    </nav>
    <${Report} key=${show} ...${shown} />
  `;
}

const namesOf = (rows) => rows?.map(({ value }) => value) ?? [];
