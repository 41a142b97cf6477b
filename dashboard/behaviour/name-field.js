/**
 * A field for the path of a page, or the name of an event or goal, which suggests those of the site.
 */
import { html } from "../vendor/htm-preact.js";
import { KINDS } from "./steps.js";

const LISTS = { page: "pages", event: "events", goal: "goals" };

/**
 * @param {object} props
 * @param {string} props.id
 * @param {string} props.label
 * @param {string} props.kind
 * @param {string} props.value
 * @param {import("./behaviour.js").Shown["known"]} props.known
 * @param {boolean} props.isWrong
 * @param {(value: string) => void} props.onChange when it is complete: by Enter, a choice, or leaving it
 */
export function NameField({ id, label, kind, value, known, isWrong, onChange }) {
  const names = known[LISTS[kind]] ?? [];
  const take = (event) => {
    const written = event.currentTarget.value.trim();
    if (written !== value) onChange(written);
  };
  // A choice from the list is complete, though browsers send `change` for it at different times.
  const choose = (event) => names.includes(event.currentTarget.value) && isChosen(event) && take(event);
  return html`
    <input
      id=${id}
      data-part="value"
      data-test="name"
      aria-label=${label}
      value=${value}
      list=${`${id}-names`}
      placeholder=${KINDS.find((each) => each.id === kind)?.placeholder ?? ""}
      autocomplete="off"
      autocapitalize="none"
      spellcheck=${false}
      aria-invalid=${isWrong}
      aria-describedby=${`${id}-problem`}
      onInput=${choose}
      onChange=${take}
      onKeyDown=${(event) => event.key === "Enter" && take(event)}
    />
    <datalist id=${`${id}-names`}>${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
  `;
}

/** Typing says what was typed; a choice replaces all, which Chrome tells without a kind of input at all. */
const isChosen = ({ inputType }) => inputType === undefined || inputType === "insertReplacementText";
