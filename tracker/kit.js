/**
 * What opt-in parts share. It runs before the core, which knows nothing of it but `queue.gate`.
 *
 * @typedef {{u: string, r: string | null}} View the page that counts now, as its page view was sent
 * @typedef {(event: import("./core.js").WireEvent, options?: object) => unknown} Gate changes the event in place; a true
 *   answer keeps it back
 *
 * @param {object} data the script tag's `data-` attributes, or what `init` was given
 * @param {...(kit: object) => void} parts in any order
 */
export default (data, ...parts) => {
  const mallard = (window.mallard ||= (...call) => {
    queue.push(call);
  });
  const queue = (mallard.q ||= []);

  // As the core: a second copy on the page does nothing.
  if (queue.on) return;

  const gates = [];
  const views = [];
  let sent;

  // What a part gets wrong stays its own: neither the page nor the event suffers.
  const attempt = (action, ...given) => {
    try {
      return action(...given);
    } catch {}
  };

  // `wire` is of an event about a page that counted earlier: its address has been through the gates.
  queue.gate = (event, options) => {
    const wire = options?.wire;
    let kept;
    gates.forEach((gate, rank) => {
      if (!wire || !rank) kept ||= attempt(gate, event, options);
    });
    const { n, u, r } = Object.assign(event, wire);
    if (n == "pageview") views.forEach((view) => attempt(view, kept ? 0 : { u, r }));
    // The core's half an hour without an event goes on: the server counts neither.
    if (kept || wire) queue.on = sent ?? queue.on;
    else sent = queue.on;
    return kept;
  };

  const on = (target, names, listener) =>
    names.split(" ").forEach((name) => target.addEventListener(name, (event) => attempt(listener, event), true));

  const kit = {
    data,
    mallard,
    on,

    /** One gate to a rank. They are asked in this order, and the first for events about an earlier page too. */
    gate: (rank, gate) => {
      gates[rank] = gate;
    },

    /** @param {(view: View | 0) => void} view called for each page view, with 0 where it was kept back */
    view: (view) => views.push(view),

    /** Calls when the page goes out of sight, which may be the last chance; more than once for one going. */
    hide: (listener) =>
      on(window, "visibilitychange pagehide", ({ type }) => {
        if (type == "pagehide" || document.visibilityState == "hidden") listener(type);
      }),

    /** Calls with what was clicked, by mouse, touch or keyboard; the middle button does nothing but to links. */
    click: (selector, listener) =>
      on(document, "click auxclick", (event) => {
        // The composed path leads into open shadow roots.
        const find = (wanted) => event.composedPath().find((node) => node.matches?.(wanted));
        const element = find(selector);
        if (element && (!event.button || (event.button == 1 && find(":any-link")))) listener(element);
      }),

    /** Calls with the URL of a link that is followed: an `a`, an `area`, or an SVG's, whose `href` is an object. */
    link: (listener) =>
      kit.click(":any-link", ({ href }) => listener(new URL(href.baseVal ?? href, document.baseURI))),

    /** Calls with each submit. It does not leave a shadow root, which is found by the click or key before it. */
    submit: (listener) => {
      const hear = (event) => attempt(listener, event);
      const listen = (root) => root.addEventListener("submit", hear, true);
      listen(document);
      on(document, "click keydown", (event) => event.composedPath().forEach((node) => node.mode && listen(node)));
    },

    /** The list that an attribute names, by commas. */
    list: (text) =>
      `${text ?? ""}`
        .split(",")
        .map((word) => word.trim())
        .filter(Boolean),

    /** The same address with another path; `?` and `#` in a path become `%3F` and `%23`, which the server decodes. */
    path: (href, pathname) => Object.assign(new URL(href), { pathname }).href.slice(0, 2048),

    /** The first pattern that a page of this site meets: `*` is within a path segment, `**` across. */
    match: (patterns, href) => {
      const { origin, pathname } = new URL(href || "about:blank");
      return (
        origin == location.origin &&
        kit.list(patterns).find((pattern) =>
          RegExp(
            `^${new URL(kit.path(href, pattern)).pathname.replace(/\*\*?|[^\w/]/g, (sign) =>
              sign == "**" ? ".*" : sign == "*" ? "[^/]*" : "\\" + sign,
            )}/?$`,
          ).test(pathname),
        )
      );
    },

    /** An address as the part `mask` leaves it. */
    masked: (href) => href,

    /** What of a link or a form's target may be told: no query, no hash, no login; nothing where it is not the web's. */
    address: (href) => {
      const { protocol, origin, pathname } = new URL(kit.masked(href));
      return /^http/.test(protocol) ? origin + pathname : "";
    },
  };

  parts.forEach((part) => attempt(part, kit));
};
