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
(() => {
  const { document, location, history } = window;

  // The stub of the page, if it has one, stays: from here on its queue is a door to send().
  const mallard = (window.mallard ||= (...call) => {
    queue.push(call);
  });
  const queue = (mallard.q ||= []);

  // A second copy on the page would count everything twice.
  if (queue.loaded) return;
  queue.loaded = 1;

  const {
    src,
    dataset: { domain = location.hostname, api = new URL("/api/event", src) },
  } = document.currentScript;

  let lastPathname;
  let lastSearch;

  /**
   * Posts once, and once more after a second when the server is busy or out of reach; then calls `done`.
   *
   * keepalive outlives the page. A text body is text/plain to fetch and so, without credentials, needs no preflight
   * and carries no cookie.
   */
  const post = (body, done, retry) =>
    fetch(api, { method: "POST", credentials: "omit", keepalive: true, body })
      .then(
        (answer) => answer.status == 503,
        () => 1,
      )
      .then((failed) => (failed && retry ? setTimeout(post, 1000, body, done) : done()));

  /**
   * The request is under way when this returns, and nothing in it throws into the page: properties that are no JSON
   * only lose their own event. (An error of the callback itself stays the page's, and is seen in the console.)
   *
   * @param {string} name
   * @param {Options} [options]
   */
  const send = (name, options) => {
    new Promise((done) => {
      // A callback often follows a link: a server that does not answer must not hold the visitor.
      setTimeout(done, 3000);
      post(
        JSON.stringify({
          d: domain,
          n: name,
          // The server refuses longer ones, and a cut query is better than a lost page view.
          u: location.href.slice(0, 2048),
          r: document.referrer.slice(0, 2048) || null,
          w: innerWidth,
          p: options?.props,
          ra: options?.revenue,
          rc: options?.currency,
          // Not randomUUID: pages on plain http do not have it.
          i: crypto.getRandomValues(new Uint32Array(4)).join("-"),
        }),
        done,
        1,
      );
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
    if (pathname != lastPathname || (!pathOnly && search != lastSearch) || event?.persisted) send("pageview");
    lastPathname = pathname;
    lastSearch = search;
  };

  const start = () => {
    view();
    queue.push = (call) => send(...call);
    ["pushState", "replaceState"].forEach((method, pathOnly) => {
      const original = history[method];
      history[method] = (...state) => {
        original.apply(history, state);
        view(0, pathOnly);
      };
    });
    addEventListener("popstate", view);
    addEventListener("pageshow", view);
    queue.forEach(queue.push);
  };

  // A prerendered page counts when somebody sees it, if ever.
  if (document.prerendering) document.addEventListener("prerenderingchange", start);
  else start();
})();
