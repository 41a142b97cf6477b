/**
 * API keys: making one, which shows it once, and all that there are.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { getKeys, revokeKey } from "../access.js";
import { Copyable } from "../components/copyable.js";
import { dayName, lastDay } from "../format.js";
import { useResource } from "../use-resource.js";
import { Confirm } from "./confirm.js";
import { KeyForm } from "./key-form.js";
import { Facts, Rows } from "./rows.js";
import { scopeName } from "./scopes.js";

/** @typedef {import("../access.js").Key} Key */

/** @param {{ ids: string[] }} props */
export function KeysSection({ ids }) {
  const [tick, setTick] = useState(0);
  const [made, setMade] = useState(null);
  const [count, setCount] = useState(0);
  const [ending, setEnding] = useState(null);
  const keys = useResource("/api/keys", getKeys, { tick });
  const reload = () => setTick((old) => old + 1);
  const show = (key) => {
    setMade(key);
    setCount(count + 1);
    reload();
  };
  const forget = () => {
    if (made?.key_hash === ending.key_hash) setMade(null);
    reload();
  };
  const putAway = () => {
    setMade(null);
    document.getElementById("keys-heading").focus();
  };
  return html`
    <section class="panel section" aria-labelledby="keys-heading">
      <h2 id="keys-heading" tabindex="-1">API keys</h2>
      <p>Programs that ask for numbers or send events show a key instead of the password. Each can be ended alone.</p>
      ${made && html`<${NewKey} key=${made.key} made=${made} onDone=${putAway} />`}
      <${Rows}
        list=${keys}
        label="API keys"
        test="keys"
        nothing="There are no keys yet."
        onRetry=${reload}
        row=${(key) => html`<${KeyRow} key=${key.key_hash} of=${key} onRevoke=${() => setEnding(key)} />`}
      />
    </section>
    <section class="panel section" aria-labelledby="new-key-heading">
      <h2 id="new-key-heading">Make a key</h2>
      <${KeyForm} key=${count} ids=${ids} onMade=${show} />
    </section>
    ${ending &&
    html`<${Confirm}
      title=${`Revoke “${ending.name}”?`}
      action="Revoke"
      back="keys-heading"
      onYes=${() => revokeKey(ending.key_hash).then(forget)}
      onClose=${() => setEnding(null)}
    >
      Programs that use this key are refused from now on. There is no way back, but you can make another one.
    <//>`}
  `;
}

/** @param {{ made: { key: string, name: string }, onDone: () => void }} props takes the keyboard */
function NewKey({ made, onDone }) {
  const heading = useRef(null);
  useLayoutEffect(() => heading.current.focus(), []);
  return html`
    <div class="made" data-test="new-key-shown">
      <h3 ref=${heading} tabindex="-1">The key “${made.name}”</h3>
      <p><b>Copy it now: you will not see it again.</b> The server keeps only what recognises it.</p>
      <${Copyable} label="API key" text=${made.key} test="new-key" />
      <button type="button" data-test="key-kept" onClick=${onDone}>I have kept it</button>
    </div>
  `;
}

/** @param {{ of: Key, onRevoke: () => void }} props */
function KeyRow({ of, onRevoke }) {
  const state = stateOf(of, new Date());
  return html`
    <li data-test="key" data-over=${state !== ""}>
      <div class="row-head">
        <b>${of.name}</b> <span class="tag">${scopeName(of.scope)}</span>
        ${state && html`<span class="tag over">${state}</span>`}
        ${!of.revoked &&
        html`<button type="button" class="quiet" data-test="revoke-key" onClick=${onRevoke}>
          Revoke<span class="unseen"> ${of.name}</span>
        </button>`}
      </div>
      <${Facts}
        facts=${[
          ["Sites", of.sites.length > 0 ? of.sites.join(", ") : "all"],
          ["Made", dayName(of.created_at)],
          ["Last used", of.last_used ? dayName(of.last_used) : "never"],
          ["Last day", of.expires_at ? lastDay(of.expires_at) : "none"],
        ]}
      />
    </li>
  `;
}

/** @param {Key} key @param {Date} now */
function stateOf({ revoked, expires_at: end }, now) {
  if (revoked) return "revoked";
  return end && new Date(end) <= now ? "over" : "";
}
