/** Leaves page views to the page: `mallard("pageview")`, with `url` where it is another than the address bar's. */
export default ({ gate }) =>
  gate(1, (event, options) => {
    // No code of the page asked for it; and nameless, it is no page view to other parts either.
    if (options === 0) return !(event.n = "");
    if (options?.url) event.u = new URL(options.url, location).href.slice(0, 2048);
  });
