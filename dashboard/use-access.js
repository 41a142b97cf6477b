/**
 * Who is at the page: whether a password must be set, given, or neither, as a hook.
 */
import { useEffect, useRef, useState } from "./vendor/preact-hooks.js";
import { getStatus, logOut } from "./access.js";
import { lookUrl } from "./api.js";
import { getJson, onRefused } from "./http.js";
import { useResource } from "./use-resource.js";

/** @typedef {import("./url.js").Route} Route */
/**
 * @typedef {object} Access
 * @property {"asking" | "failed" | "setup" | "login" | "inside"} place
 * @property {"owner" | "open" | "visitor"} reader of the numbers; open: MALLARD_AUTH=off, visitor: of a public site
 * @property {string} why one is asked to log in, where that needs to be said
 * @property {Error | null} error
 * @property {boolean} pending
 * @property {() => void} again asks who is there
 * @property {() => Promise<void>} leave
 */

const ENDED = "Your session has ended. Log in to go on where you were.";
const LEFT = "You are logged out, in every browser.";

/** @param {Route} route @returns {Access} */
export function useAccess(route) {
  const [tick, setTick] = useState(0);
  const wasInside = useRef(false);
  const hasLeft = useRef(false);
  const status = useResource("/api/auth/status", getStatus, { tick });
  const { data } = status;
  if (data?.authenticated) wasInside.current = true;

  const isOutside = Boolean(data) && !data.setup_required && !data.authenticated;
  // Whoever was inside wants to be there again; everybody else may be here for a public site.
  const looks = isOutside && !wasInside.current && route.site && route.view !== "login";
  const url = looks ? lookUrl(route) : "";
  const look = useResource(url, (signal) => getJson(url, signal), { tick, scope: route.site });

  const place = placeOf(status, looks ? look : null);
  const askAgain = () => setTick((old) => old + 1);
  const latest = useRef(null);
  latest.current = () => place === "inside" && !status.pending && askAgain();
  useEffect(() => onRefused(() => latest.current()), []);

  const leave = async () => {
    await logOut();
    hasLeft.current = true;
    askAgain();
  };
  return {
    place,
    reader: data?.open ? "open" : isOutside ? "visitor" : "owner",
    why: hasLeft.current ? LEFT : wasInside.current ? ENDED : "",
    error: status.data ? look.error : status.error,
    pending: status.pending || look.pending,
    again: () => {
      hasLeft.current = false;
      askAgain();
    },
    leave,
  };
}

/**
 * @param {import("./use-resource.js").Resource<import("./access.js").Status>} status
 * @param {import("./use-resource.js").Resource<unknown> | null} look at a site's numbers by who is not logged in
 */
function placeOf({ data, error }, look) {
  if (!data) return error ? "failed" : "asking";
  if (data.setup_required) return "setup";
  if (data.authenticated) return "inside";
  if (!look) return "login";
  if (look.error?.status >= 400 && look.error.status < 500) return "login";
  if (look.data) return "inside";
  return look.error ? "failed" : "asking";
}
