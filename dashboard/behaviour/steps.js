/**
 * Steps as the API takes them, `page:/pricing,event:signup[plan=pro]`, and as the rows of a form have them.
 */
/** @typedef {{ kind: string, value: string }} Step `value` may end in conditions: `signup[plan=pro]` */

export const KINDS = [
  { id: "page", label: "Page", placeholder: "/pricing or /blog/*" },
  { id: "event", label: "Event", placeholder: "signup" },
  { id: "goal", label: "Goal", placeholder: "Signup" },
];

const WITH_CONDITIONS = /^[^[\],"]+(\[[^\]]*\])+$/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s;

/** @param {string} text @returns {{ begin: number, text: string }[]} what stands between commas, and where */
function piecesOf(text) {
  const pieces = [{ begin: 0, text: "" }];
  let isQuoted = false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (isQuoted && character === "\\") {
      pieces.at(-1).text += text.slice(at, at + 2);
      at += 1;
      continue;
    }
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === "[") depth += 1;
    else if (!isQuoted && character === "]") depth -= 1;
    if (character === "," && !isQuoted && depth <= 0) pieces.push({ begin: at + 1, text: "" });
    else pieces.at(-1).text += character;
  }
  return pieces;
}

/** @param {string} text @returns {Step} */
function readStep(text) {
  const [, kind, rest] = /^\s*([^:/"[\]]+):(.*)$/s.exec(text) ?? [];
  // Whoever writes an address by hand may leave out what is plain.
  if (kind === undefined) return { kind: text.trim().startsWith("/") ? "page" : "event", value: text.trim() };
  const quoted = QUOTED.exec(rest.trim());
  return { kind: kind.trim(), value: quoted ? quoted[1].replace(/\\(.)/gs, "$1") : rest.trim() };
}

/** @param {Step} step */
function writeStep({ kind, value }) {
  const text = value.trim();
  const isPlain = !/[,[\]"]/.test(text) || WITH_CONDITIONS.test(text) || /^"/.test(text);
  return `${kind}:${isPlain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`}`;
}

/** @param {string} text @returns {Step[]} */
export const readSteps = (text) =>
  piecesOf(text)
    .filter((piece) => piece.text.trim())
    .map((piece) => readStep(piece.text));

/** Those without a value are not written yet. @param {Step[]} steps */
export const writeSteps = (steps) =>
  steps
    .filter(({ value }) => value.trim())
    .map(writeStep)
    .join(",");

/** @param {Step[]} steps @param {string} message the server's @returns {number} of the step it is about; -1: of none */
export function brokenStep(steps, message) {
  const text = writeSteps(steps);
  const pieces = piecesOf(text);
  const [, at] = /^steps .*?character (\d+)/.exec(message) ?? [];
  const filled = steps.flatMap(({ value }, number) => (value.trim() ? [number] : []));
  // Characters are counted as the server's language counts them: those beyond 16 bits are one.
  const place = at && [...text].slice(0, Number(at) - 1).join("").length;
  if (at) return filled[pieces.findLastIndex(({ begin }) => begin <= place)] ?? -1;
  return steps.findIndex(({ kind, value }) => kind === "goal" && value && message.includes(value));
}

/** Names that sound like what a site is made for. */
const HOPED_FOR = /sign.?up|register|purchase|order|checkout|subscri|trial|book|donat|lead|contact|download/i;

/** A first funnel of what there is: where most visits begin, the page most of them see, and what is hoped for. */
export function suggestSteps({ entry_pages: entries, pages, events }, goals) {
  const first = entries[0] ?? pages[0];
  const named = events.filter(({ value }) => value !== "pageview");
  const event = named.find(({ value }) => HOPED_FOR.test(value)) ?? named[0];
  const last = goals.length > 0 ? { kind: "goal", value: goals[0] } : event && { kind: "event", value: event.value };
  const others = pages.filter(({ value }) => value !== first?.value && value.startsWith("/"));
  const middle = others.slice(0, last ? 1 : 2).map(({ value }) => ({ kind: "page", value }));
  const begin = first ? [{ kind: "page", value: first.value }] : [];
  return writeSteps([...begin, ...middle, ...(last ? [last] : [])]);
}
