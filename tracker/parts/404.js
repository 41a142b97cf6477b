/**
 * Sends the event `404` with the path where the page was answered so, or says so by `data-mallard-404` on any of its
 * elements. A page of one's own router says it by `mallard("404")`.
 */
export default ({ gate, on, mallard }) => {
  gate(6, (event, options) => {
    if (event.n != "404") return;
    event.p = { path: new URL(event.u).pathname, ...event.p };
    // Nobody caused it.
    if (!options?.interactive) event.i = false;
  });
  const look = () => {
    const [load] = performance.getEntriesByType("navigation");
    if (load?.responseStatus == 404 || document.querySelector("[data-mallard-404]")) mallard("404");
  };
  if (document.readyState == "loading") on(document, "DOMContentLoaded", look);
  else look();
};
