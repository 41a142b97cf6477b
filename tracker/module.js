/** The same tracker as an ES module, for bundlers and module pages; nothing happens until `init`. */
import core from "./core.js";
import kit from "./kit.js";

export { default as optout } from "./parts/optout.js";
export { default as manual } from "./parts/manual.js";
export { default as hash } from "./parts/hash.js";
export { default as exclude } from "./parts/exclude.js";
export { default as mask } from "./parts/mask.js";
export { default as keepQuery } from "./parts/keep-query.js";
export { default as notFound } from "./parts/404.js";
export { default as engagement } from "./parts/engagement.js";
export { default as webVitals } from "./parts/web-vitals.js";
export { default as outbound } from "./parts/outbound.js";
export { default as downloads } from "./parts/downloads.js";
export { default as forms } from "./parts/forms.js";
export { default as tagged } from "./parts/tagged.js";

// Where pages are rendered on a server there is nobody to count.
const inBrowser = () => typeof window == "object";

/**
 * Starts to count; once per page. Nothing in it throws into the page.
 *
 * @param {object} [options] `domain`, `api`, `local`, `automation`, `parts` (of this module, in any order) and what the
 *   parts take
 */
export const init = ({ parts = [], ...options } = {}) => {
  if (!inBrowser()) return;
  // As attributes of a tag they count by being there.
  for (const name of ["local", "automation"]) if (!options[name]) delete options[name];
  try {
    kit(options, ...parts);
    core({ dataset: options });
  } catch {}
};

/** Sends a custom event; before `init` it waits for it, but its callback three seconds at most. */
export const track = (name, options) => {
  if (!inBrowser()) return;
  const mallard = (window.mallard ||= (event, given) => {
    let { callback } = given ?? {};
    const done = () => {
      const once = callback;
      callback = undefined;
      once?.();
    };
    (mallard.q ||= []).push([event, callback ? { ...given, callback: done } : given]);
    if (callback) setTimeout(done, 3000);
  });
  mallard(name, options);
};
