/**
 * An input whose value goes out when it is complete: by Enter, by leaving it, or by a choice from its list.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useState } from "../vendor/preact-hooks.js";

/**
 * What is being written stays, whatever answers come meanwhile.
 *
 * @param {object} props also attributes of the input
 * @param {string} props.value
 * @param {string[]} [props.names] that are suggested; one of them that is chosen is complete
 * @param {(value: string) => void} props.onTake
 */
export function DraftInput({ id, value, names = [], isWrong, hint = "", onTake, ...attributes }) {
  const [draft, setDraft] = useState(value);
  // At once, not after the next paint: it would take away a letter that was typed before that.
  useLayoutEffect(() => setDraft(value), [value]);

  const take = (event) => {
    const written = event.currentTarget.value.trim();
    // An empty field may stand for what is usual: then that is shown again.
    if (written === "") setDraft(value);
    if (written !== value) onTake(written);
  };
  const write = (event) => {
    setDraft(event.currentTarget.value);
    if (isChosen(event) && names.includes(event.currentTarget.value)) take(event);
  };
  return html`
    <input
      id=${id}
      value=${draft}
      list=${names.length > 0 ? `${id}-names` : null}
      autocomplete="off"
      autocapitalize="none"
      spellcheck=${false}
      aria-invalid=${Boolean(isWrong)}
      aria-describedby=${`${hint} ${id}-problem`.trim()}
      ...${attributes}
      onInput=${write}
      onChange=${take}
      onKeyDown=${(event) => event.key === "Enter" && take(event)}
    />
    <datalist id=${`${id}-names`}>${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
  `;
}

/** Typing says what was typed; a choice replaces all, which Chrome tells without a kind of input at all. */
const isChosen = ({ inputType }) => inputType === undefined || inputType === "insertReplacementText";
