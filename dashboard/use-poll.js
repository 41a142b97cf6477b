/**
 * Calls back at an interval while the page is visible, and at once when it becomes visible after a longer pause.
 */
import { useEffect, useRef } from "./vendor/preact-hooks.js";

/** @param {() => void} callback @param {number} seconds 0 pauses */
export function usePoll(callback, seconds) {
  const latest = useRef(callback);
  latest.current = callback;

  useEffect(() => {
    if (seconds === 0) return undefined;
    const period = seconds * 1000;
    let timer = 0;
    let due = Date.now() + period;

    const fire = () => {
      latest.current();
      due = Date.now() + period;
      timer = setTimeout(fire, period);
    };
    const follow = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") timer = setTimeout(fire, Math.max(0, due - Date.now()));
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", follow);
    };
  }, [seconds]);
}
