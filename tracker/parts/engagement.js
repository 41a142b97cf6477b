/**
 * Sends, when a page is left or goes out of sight, how far it was scrolled (`sd`, percent) and how long it was both
 * visible and focused (`e`, ms since the page's last ping). The ping `engagement` is no event.
 */
export default ({ view, on, hide, mallard }) => {
  const MAX_MS = 86_400_000;
  let page = 0;
  let ms = 0;
  let since;
  let seenPx = 0;
  let heightPx = 0;
  let sentDepth = 0;

  const tick = () => {
    const now = performance.now();
    if (since != null) ms += now - since;
    since = document.visibilityState == "visible" && document.hasFocus() ? now : null;
  };
  // The highest that the page was: one that a router shows next must not count as this one's.
  const look = () => {
    const { scrollHeight } = document.documentElement;
    seenPx = Math.max(seenPx, scrollY + innerHeight);
    heightPx = Math.max(heightPx, scrollHeight);
  };
  const ping = () => {
    tick();
    if (ms) look();
    const sd = Math.min(100, Math.round((100 * seenPx) / heightPx)) || 0;
    const e = Math.min(MAX_MS, Math.round(ms));
    if (page && (e || sd > sentDepth)) mallard("engagement", { wire: { ...page, sd, e } });
    ms = 0;
    sentDepth = sd;
  };

  view((next) => {
    ping();
    page = next;
    seenPx = heightPx = sentDepth = 0;
  });
  on(window, "focus blur visibilitychange", () => {
    tick();
    // Some browsers tell the event before the fact.
    setTimeout(tick);
  });
  on(window, "scroll", look);
  hide((type) => {
    ping();
    // Restored from the browser's page cache it is a new page view; the time in there is nobody's.
    if (type == "pagehide") page = 0;
  });
};
