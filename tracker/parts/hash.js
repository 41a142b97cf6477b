/**
 * Counts routes in the hash as pages: `/app#/settings`. Only what begins with `#/` or `#!/` is one, up to a `?`: an
 * anchor is none, and a hash may carry what nobody should see, like a token.
 */
export default ({ gate, view, on, path, mallard }) => {
  const route = (hash) => /^#!?\/[^?]+/.exec(hash)?.[0] ?? "";
  let last;

  gate(2, (event) => {
    const { hash, pathname } = new URL(event.u);
    event.u = path(event.u.split("#")[0], pathname + route(hash));
  });
  view(() => {
    last = route(location.hash);
  });

  // Once the core has had its look: where it has sent a page view, the route has been noted.
  const look = () =>
    queueMicrotask(() => {
      if (last != null && last != route(location.hash)) mallard("pageview", 0);
    });
  on(window, "popstate hashchange", look);
  if (window.navigation) on(navigation, "currententrychange", look);
  ["pushState", "replaceState"].forEach((method, replaces) => {
    const original = history[method];
    history[method] = (...state) => {
      original.apply(history, state);
      // As in the core, a router's own redirect at load is no second view.
      if (replaces && last != null && document.readyState != "complete") last = route(location.hash);
      look();
    };
  });
};
