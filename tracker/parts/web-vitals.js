/**
 * Sends, when the page first goes out of sight, a ping `engagement` (which is no event) with what Chromium and others
 * measured of its load and life as properties: `lcp` and `inp` in ms, `cls` without unit and with three places. What
 * was not measured is left out.
 * Definitions: https://web.dev/articles/vitals
 */
export default ({ view, hide, mallard }) => {
  const durations = new Map();
  const observers = [];
  let page;
  let lcp;
  let cls;
  let shift = 0;
  let shiftBegan;
  let shiftEnded;

  const observe = (type, each) => {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return false;
    const take = (entries) => entries.forEach(each);
    const observer = new PerformanceObserver((list) => take(list.getEntries()));
    observer.observe({ type, buffered: true, durationThreshold: 40 });
    return observers.push(() => take(observer.takeRecords()));
  };

  const interaction = ({ interactionId, duration }) => {
    if (interactionId) durations.set(interactionId, Math.max(duration, durations.get(interactionId) ?? 0));
  };
  observe("first-input", interaction);
  observe("event", interaction);

  // The worst burst of shifts: at most a second between two, at most five in all.
  const shifted = ({ startTime, value, hadRecentInput }) => {
    if (hadRecentInput) return;
    if (!(startTime - shiftEnded < 1000 && startTime - shiftBegan < 5000)) {
      shift = 0;
      shiftBegan = startTime;
    }
    shift += value;
    shiftEnded = startTime;
    cls = Math.max(cls, shift);
  };
  if (observe("layout-shift", shifted)) cls = 0;

  // A page that was loaded in the background is painted when somebody looks: that says nothing.
  if (document.prerendering || document.visibilityState == "visible")
    observe("largest-contentful-paint", ({ startTime }) => {
      lcp = Math.max(0, startTime - (performance.getEntriesByType("navigation")[0]?.activationStart ?? 0));
    });

  view((first) => {
    page ??= first;
  });
  hide(() => {
    observers.forEach((take) => take());
    const worst = [...durations.values()].sort((a, b) => b - a);
    // Of every fifty interactions one may be as slow as it likes.
    const inp = worst[Math.min(worst.length - 1, Math.floor((performance.interactionCount ?? 0) / 50))];
    const round = (value, unit) => value && Math.round(value * unit) / unit;
    const props = { lcp: round(lcp, 1), inp: round(inp, 1), cls: round(cls, 1000) };
    if (page) mallard("engagement", { props, wire: page });
    page = 0;
  });
};
