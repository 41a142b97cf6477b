/**
 * One answer of the API as a hook; an answer that comes after its question was replaced is never seen.
 */
import { useEffect, useState } from "./vendor/preact-hooks.js";

/**
 * @template T
 * @typedef {object} Resource
 * @property {T | undefined} data of this key, or of an earlier key of the same scope while `stale`
 * @property {Error | null} error
 * @property {boolean} pending
 * @property {boolean} stale whether `data` answers an earlier question
 */

const NONE = { key: "", scope: "", tick: 0, data: undefined, error: null };

/**
 * @template T
 * @param {string} key names the question; "" asks nothing
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {{ tick?: number, scope?: string }} [options] a new tick asks again; data is not kept across scopes
 * @returns {Resource<T>}
 */
export function useResource(key, load, { tick = 0, scope = key } = {}) {
  const [held, setHeld] = useState(NONE);

  useEffect(() => {
    if (!key) return undefined;
    const controller = new AbortController();
    const settle = (outcome) => {
      if (!controller.signal.aborted) setHeld((old) => ({ key, scope, tick, ...outcome(old) }));
    };
    load(controller.signal).then(
      (data) => settle(() => ({ data, error: null })),
      // A failed refresh keeps the numbers it could not replace.
      (error) => settle((old) => ({ data: old.key === key ? old.data : undefined, error })),
    );
    return () => controller.abort();
  }, [key, tick]);

  return {
    data: held.scope === scope ? held.data : undefined,
    error: held.key === key ? held.error : null,
    pending: key !== "" && (held.key !== key || held.tick !== tick),
    stale: held.key !== key,
  };
}
