/**
 * The route as a hook: read from the address, written with pushState, followed through back and forward.
 */
import { useCallback, useLayoutEffect, useState } from "./vendor/preact-hooks.js";
import { readRoute, routeSearch } from "./url.js";

/** @typedef {import("./url.js").Route} Route */

/** @returns {[Route, (change: Partial<Route>, options?: { replace?: boolean }) => void]} */
export function useRoute() {
  const [route, setRoute] = useState(() => readRoute(location.search));

  // At once, not after the next paint: whoever goes back may do so before that.
  useLayoutEffect(() => {
    const follow = () => setRoute(readRoute(location.search));
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);

  // What stands behind a # stays: it names the link where a shared one is looked at.
  const go = useCallback((change, { replace = false } = {}) => {
    const search = routeSearch({ ...readRoute(location.search), ...change });
    if (search === location.search) return;
    history[replace ? "replaceState" : "pushState"](null, "", search + location.hash);
    setRoute(readRoute(search));
  }, []);

  return [route, go];
}
