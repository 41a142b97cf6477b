/**
 * What a shared link opens, as a hook: the token stays in memory, and is asked for anew where it is over.
 */
import { useEffect, useRef, useState } from "./vendor/preact-hooks.js";
import { openLink } from "./access.js";
import { bear, onRefused } from "./http.js";

/** @typedef {import("./access.js").Share} Share */

/** The link stands behind the #, which no request carries. */
const slugIn = () => decodeURIComponent(location.hash.slice(1));

const NONE = { share: null, asks: false, error: null, pending: true, wasAsked: false };

/**
 * `asks` and `wasAsked` are about the link's password.
 *
 * @returns {{ share: Share | null, asks: boolean, wasAsked: boolean, error: Error | null, pending: boolean, open: (password?: string) => Promise<void> }}
 */
export function useShare() {
  const [state, setState] = useState(NONE);
  const password = useRef("");

  const open = async (given = password.current) => {
    const slug = slugIn();
    setState((old) => ({ ...old, pending: true }));
    try {
      const share = await openLink(slug, given);
      if (slug !== slugIn()) return;
      password.current = given;
      bear(share.token);
      setState({ share, asks: false, error: null, pending: false, wasAsked: given !== "" });
    } catch (error) {
      if (slug !== slugIn()) return;
      const asks = error.status === 401 || error.status === 429;
      // What is no answer of the link's takes nothing away that is shown already.
      const kept = error.status === 0 || error.status >= 500;
      setState((old) => ({
        share: kept ? old.share : null,
        asks: asks || (kept && old.asks),
        error,
        pending: false,
        wasAsked: false,
      }));
      if (given) throw error;
    }
  };
  const latest = useRef(null);
  latest.current = () => state.share && !state.pending && open().catch(() => {});

  useEffect(() => {
    open();
    const stop = onRefused(() => latest.current());
    // Another link in the same tab loads no other page.
    const follow = () => {
      password.current = "";
      bear("");
      setState(NONE);
      open("");
    };
    addEventListener("hashchange", follow);
    return () => {
      stop();
      removeEventListener("hashchange", follow);
    };
  }, []);
  return { ...state, open };
}
