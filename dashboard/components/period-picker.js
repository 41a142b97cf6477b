/**
 * Chooses the period: one of a list, or two dates of one's own. And what it is compared with.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { CUSTOM, dayOf, isCustom, offeredPeriods, suggestedRange } from "../period.js";
import { ComparePicker } from "./compare-picker.js";

/** @typedef {import("../url.js").Route} Route */

/** @param {{ route: Route, onChange: (change: Partial<Route>) => void }} props */
export function PeriodPicker({ route, onChange }) {
  const [choosing, setChoosing] = useState(false);
  useEffect(() => setChoosing(false), [route.period, route.from, route.to]);

  const custom = choosing || isCustom(route);
  const choice = custom ? CUSTOM : route.period;
  const choose = (event) => {
    const period = event.currentTarget.value;
    setChoosing(period === CUSTOM);
    if (period !== CUSTOM) onChange({ period, from: "", to: "" });
  };
  const options = [...offeredPeriods(route.period), { id: CUSTOM, label: "Custom range" }];
  return html`
    <div class="picker period-picker">
      <label class="unseen" for="period">Period</label>
      <select id="period" data-test="period" value=${choice} onChange=${choose}>
        ${options.map(
          ({ id, label }) => html`<option key=${id} value=${id} selected=${id === choice}>${label}</option>`,
        )}
      </select>
      <${ComparePicker} route=${route} onChange=${onChange} />
    </div>
    ${custom && html`<${RangeForm} key=${`${route.from}/${route.to}`} route=${route} onChange=${onChange} />`}
  `;
}

/** @param {{ route: Route, onChange: (change: Partial<Route>) => void }} props */
function RangeForm({ route, onChange }) {
  const now = new Date();
  const [range, setRange] = useState(() => suggestedRange(route, now));
  const edit = (side) => (event) => setRange({ ...range, [side]: event.currentTarget.value });
  const submit = (event) => {
    event.preventDefault();
    onChange(range);
  };
  const today = dayOf(now);
  return html`
    <form class="range" aria-label="Custom range" onSubmit=${submit}>
      <label class="unseen" for="from">From</label>
      <input
        id="from"
        type="date"
        data-test="from"
        required
        max=${range.to || today}
        value=${range.from}
        onInput=${edit("from")}
      />
      <span aria-hidden="true">–</span>
      <label class="unseen" for="to">To, inclusive</label>
      <input
        id="to"
        type="date"
        data-test="to"
        required
        min=${range.from}
        max=${today}
        value=${range.to}
        onInput=${edit("to")}
      />
      <button type="submit" data-test="apply-range">Apply</button>
    </form>
  `;
}
