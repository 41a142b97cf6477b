/**
 * A block of text to be copied as it stands.
 */
import { html } from "../vendor/htm-preact.js";
import { useRef, useState } from "../vendor/preact-hooks.js";

const CONFIRM_MS = 2500;

/** @param {{ label: string, text: string, test: string }} props */
export function Copyable({ label, text, test }) {
  const code = useRef(null);
  const [said, setSaid] = useState("");

  const copy = async () => {
    setSaid((await copied(text, code.current)) ? "Copied" : "Selected: press Ctrl+C or ⌘C");
    setTimeout(() => setSaid(""), CONFIRM_MS);
  };
  return html`
    <div class="copyable">
      <pre tabindex="0" role="group" aria-label=${label}><code ref=${code} data-test=${test}>${text}</code></pre>
      <button type="button" aria-label=${`Copy: ${label}`} onClick=${copy}>Copy</button>
      <span class="said" role="status">${said}</span>
    </div>
  `;
}

/** The clipboard exists on https and localhost only; elsewhere the text is selected, so that a key press copies it. */
async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
}
