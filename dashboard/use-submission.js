/**
 * What a form sends, as a hook: one at a time, and its refusal.
 */
import { useState } from "./vendor/preact-hooks.js";

/**
 * @template {unknown[]} G
 * @param {(...given: G) => Promise<unknown>} send
 * @returns {{ busy: boolean, error: import("./http.js").AnswerError | null, done: boolean, submit: (...given: G) => Promise<void>, clear: () => void }}
 */
export function useSubmission(send) {
  const [state, setState] = useState({ busy: false, error: null, done: false });
  const submit = async (...given) => {
    if (state.busy) return;
    setState({ busy: true, error: null, done: false });
    try {
      await send(...given);
      setState({ busy: false, error: null, done: true });
    } catch (error) {
      setState({ busy: false, error, done: false });
    }
  };
  return { ...state, submit, clear: () => setState({ busy: false, error: null, done: false }) };
}
