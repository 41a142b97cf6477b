/**
 * What is wrong with what was given, below its field or form: the server's sentence, and the wait it asks for.
 */
import { html } from "../vendor/htm-preact.js";
import { useLayoutEffect, useState } from "../vendor/preact-hooks.js";

/** @param {string} id of a field @param {string} [hint] @returns {string} ids of what explains it */
export const describedBy = (id, hint) => (hint ? `${id}-hint ${id}-problem` : `${id}-problem`);

/** @param {{ id: string, error: Error | null }} props */
export const Problem = ({ id, error }) => html`
  <p id=${`${id}-problem`} class="problem" role="alert" data-test="problem">${error?.message}</p>
`;

/** Seconds until something may be tried again, counted down; 0 where it may. @param {{ wait?: number } | null} error */
export function useWait(error) {
  const [left, setLeft] = useState(0);
  // At once, not after the next paint: until then it would seem to be over.
  useLayoutEffect(() => {
    if (!error?.wait) return setLeft(0);
    // By the clock, for a page out of sight is woken less often.
    const until = Date.now() + error.wait * 1000;
    const look = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}

/** @param {number} seconds as on a clock */
export const asClock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
