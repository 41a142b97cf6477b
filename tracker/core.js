/**
 * What one event is on the wire: the JSON body of `POST /api/event`. Absent keys are left out.
 *
 * @typedef {object} WireEvent
 * @property {string} d site id: the script tag's `data-domain`, else the page's hostname
 * @property {string} n event name, `pageview` for a page view
 * @property {string} u URL of the page
 * @property {string | null} r where the document was reached from; the site itself after half an hour without an event
 * @property {number} w viewport width in px
 * @property {Object<string, unknown>} [p] custom properties
 * @property {number} [ra] revenue amount
 * @property {string} [rc] ISO 4217 code of its currency
 * @property {string | boolean} i random id of this one event, so that a retry after a lost answer counts once; `false`
 *   where nobody caused the event
 *
 * @typedef {object} Options
 * @property {Object<string, unknown>} [props]
 * @property {number} [revenue]
 * @property {string} [currency]
 * @property {boolean} [interactive]
 * @property {() => void} [callback] called once: after the event is sent, or given up
 */

/**
 * Starts to count, once per page however often it is called.
 *
 * The build takes the body alone, with the tag that it is in, and puts it into a `try`: no page suffers from it.
 * Short names and terse tests are for the size limit.
 *
 * @param {{src?: string, dataset: {domain?: string, api?: string | URL, local?: string, automation?: string}}} script
 *   the tag, or an object like one
 */
export default (script) => {
  const page = document;
  const { src, dataset } = script;
  const here = location;
  const entries = self.navigation;

  /**
   * Nothing in it throws into the page: properties that are no JSON only lose their own event. (An error of the
   * callback itself stays the page's, and is seen in the console.)
   *
   * @param {string} name
   * @param {Options | 0} [options] 0 where no code of the page asked for this event
   */
  const send = (name, options) => {
    // After half an hour without an event the server opens a visit. It did not come from where the document did.
    if (queue.on - (queue.on = new Date()) < -18e5) referrer = here.origin;

    // A prerendered page counts when somebody sees it, if ever.
    if (page.prerendering) setTimeout(send, 99, name, options);
    else
      new Promise((done) => {
        // A callback often follows a link: a server that does not answer must not hold the visitor.
        setTimeout(done, 3e3);
        const event = {
          d: dataset.domain || here.hostname,
          n: name,
          // The server refuses longer ones, and a cut query is better than a lost page view.
          u: here.href.slice(0, 2e3),
          r: referrer,
          w: innerWidth,
          p: options?.props,
          ra: options?.revenue,
          rc: options?.currency,
          // Not randomUUID: pages on plain http do not have it. Fifty-two bits within a site's day are enough. False
          // equals 0, and then stands here itself.
          i: options?.interactive != 0 && Math.random() + "",
        };
        // keepalive outlives the page, up to 64 kB on their way at once: what the browser refuses goes without it.
        // A text body is text/plain to fetch and so, without credentials, needs no preflight and carries no cookie.
        const post = (keepalive) =>
          fetch(dataset.api || new URL("/api/event", src || here), {
            method: "POST",
            credentials: "omit",
            keepalive,
            body: JSON.stringify(event),
          })
            .catch((error) => error)
            // Once more after a second (the server's Retry-After) when it is busy or out of reach. The difference is
            // not a number, and so false as 0 is, where an error stands for the answer.
            .then((answer) => (answer.status - 503 || !keepalive ? done() : setTimeout(post, 1e3)));

        // A host without a name (localhost, an address, a file) and a driven browser are the site's own people. Opt-in
        // parts, where there are any, look at the event, change it, or keep it back.
        if (
          (dataset.local != null || /\.\D/.test(here.hostname)) &&
          (dataset.automation != null || !navigator.webdriver) &&
          !queue.gate?.(event, options)
        )
          post(1);
        else done();
      })
        .catch((_) => _)
        .then(options?.callback);
  };

  /**
   * Notes where the visitor is, and sends a page view when that is another page than before, or when the page
   * comes back from the browser's page cache: no script runs again then, but the visitor sees it again.
   *
   * @param {{persisted?: boolean, navigationType?: string}} event
   * @param {boolean} [moved] worked out here
   */
  // Moved by "push" or "traverse". Not where an address is replaced: pages keep filters in the query by it.
  const view = (event, moved = /h|v/.test(event.navigationType)) => {
    if (
      // A path that is replaced before the page is complete is a router's own redirect, and no second view. Past "d"
      // are "interactive" and "loading"; of two truth values `a > b` is a and not b.
      (here.pathname != path && !(path && page.readyState > "d" > moved)) ||
      (moved && here.search != search) ||
      event.persisted
    )
      send("pageview", 0);
    path = here.pathname;
    search = here.search;
  };

  // The stub of the page, if it has one, stays: from here on its queue is a door to send().
  const queue = ((self.mallard ||= send).q ||= []);
  let path, search;
  let referrer = page.referrer || null;

  // A second copy on the page would count everything twice.
  if (!queue.on) {
    view(queue);
    if (entries) entries.addEventListener("currententrychange", view);
    // A browser without the Navigation API does not tell.
    else setInterval(view, 500, queue);
    addEventListener("pageshow", view);
    queue.map((queue.push = (call) => send(...call)));
  }
};
