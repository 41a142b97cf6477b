/**
 * What one event is on the wire: the JSON body of `POST /api/event`. Absent keys are left out.
 *
 * @typedef {object} WireEvent
 * @property {string} d site id: the script tag's `data-domain`, else the page's hostname
 * @property {string} n event name, `pageview` for a page view
 * @property {string} u URL of the page
 * @property {string | null} r where the document was reached from
 * @property {number} w viewport width in px
 * @property {Object<string, unknown>} [p] custom properties
 * @property {number} [ra] revenue amount
 * @property {string} [rc] ISO 4217 code of its currency
 * @property {string} i random id of this one event, so that a retry after a lost answer counts once
 *
 * @typedef {object} Options
 * @property {Object<string, unknown>} [props]
 * @property {number} [revenue]
 * @property {string} [currency]
 * @property {() => void} [callback] called once: after the event is sent, or given up
 */

/**
 * Starts to count, once per page however often it is called.
 *
 * @param {Window} window
 * @param {{src?: string, dataset: {domain?: string, api?: string | URL}}} script the tag, or what is like one
 */
export default (
  { document, location, history },
  { src, dataset: { domain = location.hostname, api = new URL("/api/event", src) } },
) => {
  // The stub of the page, if it has one, stays: from here on its queue is a door to send().
  const mallard = (window.mallard ||= (...call) => {
    queue.push(call);
  });
  const queue = (mallard.q ||= []);

  // A second copy on the page would count everything twice.
  if (queue.on) return;
  queue.on = 1;

  let lastPathname;
  let lastSearch;

  /**
   * Posts once, and once more after a second (the server's Retry-After) when it is busy or out of reach; then calls
   * `done`.
   *
   * keepalive outlives the page. A text body is text/plain to fetch and so, without credentials, needs no preflight
   * and carries no cookie.
   */
  const post = (body, done, retry) =>
    fetch(api, { method: "POST", credentials: "omit", keepalive: true, body })
      .catch((error) => error)
      // Not a number, and so false as 0 is, where an error stands for the answer.
      .then((answer) => (answer.status - 503 || !retry ? done() : setTimeout(post, 1000, body, done)));

  /**
   * The request is under way when this returns, and nothing in it throws into the page: properties that are no JSON
   * only lose their own event. (An error of the callback itself stays the page's, and is seen in the console.)
   *
   * @param {string} name
   * @param {Options | 0} [options] 0 where no code of the page asked for this event
   */
  const send = (name, options) => {
    new Promise((done) => {
      // A callback often follows a link: a server that does not answer must not hold the visitor.
      setTimeout(done, 3000);
      const event = {
        d: domain,
        n: name,
        // The server refuses longer ones, and a cut query is better than a lost page view.
        u: location.href.slice(0, 2048),
        r: document.referrer.slice(0, 2048) || null,
        w: innerWidth,
        p: options?.props,
        ra: options?.revenue,
        rc: options?.currency,
        // Four numbers with commas. Not randomUUID: pages on plain http do not have it.
        i: crypto.getRandomValues(new Uint32Array(4)) + "",
      };
      // Opt-in parts, where there are any, look at the event, change it, or keep it back.
      if (queue.gate?.(event, options)) done();
      else post(JSON.stringify(event), done, 1);
    })
      .catch(() => {})
      .then(options?.callback);
  };

  /**
   * Notes where the visitor is, and sends a page view when that is another page than before, or when the page
   * comes back from the browser's page cache: no script runs again then, but the visitor sees it again.
   *
   * @param {Event | 0} [event] popstate, which also fires when only the hash changes, or pageshow
   * @param {boolean} [pathOnly] compare paths without the query, where pages keep filters by replaceState
   */
  const view = (event, pathOnly) => {
    const { pathname, search } = location;
    if (pathname != lastPathname || (!pathOnly && search != lastSearch) || event?.persisted) send("pageview", 0);
    lastPathname = pathname;
    lastSearch = search;
  };

  const start = () => {
    view();
    queue.push = (call) => send(...call);
    ["pushState", "replaceState"].map((method, pathOnly) => {
      const original = history[method];
      history[method] = (...state) => {
        original.apply(history, state);
        view(0, pathOnly);
      };
    });
    ["popstate", "pageshow"].map((name) => addEventListener(name, view));
    queue.map(queue.push);
  };

  // A prerendered page counts when somebody sees it, if ever.
  if (document.prerendering) document.addEventListener("prerenderingchange", start);
  else start();
};
