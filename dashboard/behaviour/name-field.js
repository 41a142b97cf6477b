/**
 * A field for the path of a page, or the name of an event or goal, which suggests those of the site.
 */
import { html } from "../vendor/htm-preact.js";
import { DraftInput } from "./draft-input.js";
import { KINDS } from "./steps.js";

const LISTS = { page: "pages", event: "events", goal: "goals" };

/**
 * @param {object} props
 * @param {string} props.id
 * @param {string} [props.label] where no other element is its label
 * @param {string} props.kind
 * @param {string} props.value
 * @param {import("./behaviour.js").Shown["known"]} props.known
 * @param {boolean} props.isWrong
 * @param {(value: string) => void} props.onChange when it is complete
 */
export const NameField = ({ id, label, kind, value, known, isWrong, onChange }) => html`
  <${DraftInput}
    id=${id}
    data-part="value"
    data-test="name"
    aria-label=${label}
    value=${value}
    names=${known[LISTS[kind]] ?? []}
    placeholder=${KINDS.find((each) => each.id === kind)?.placeholder ?? ""}
    isWrong=${isWrong}
    onTake=${onChange}
  />
`;
