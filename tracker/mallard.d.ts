/** Types of `window.mallard`, and of the ES module. For the script alone copy this file into a project, or reference it. */

declare global {
  interface MallardOptions {
    /** Custom properties: at most 30, at most 4,096 characters as JSON. */
    props?: Record<string, unknown>;
    /** Revenue amount in units of the currency; two decimals are kept. */
    revenue?: number;
    /** ISO 4217 code of the currency, as in `"EUR"`. */
    currency?: string;
    /** `false` where nobody caused the event; taken with any part on. */
    interactive?: boolean;
    /** Called once, when the event is sent or given up, after three seconds at the latest. */
    callback?: () => void;
    /** With the part `manual`: the address that counts, where it is another than the address bar's. */
    url?: string | URL;
  }

  interface Mallard {
    /** Sends a custom event. */
    (name: string, options?: MallardOptions): void;
    /** Calls that wait for the script: the one-line stub fills it. */
    q?: ArrayLike<unknown>[];
  }

  interface Window {
    mallard: Mallard;
  }
}

declare const part: unique symbol;

/** An opt-in part, to be given to `init`. */
export interface Part {
  readonly [part]: true;
}

export interface InitOptions {
  /** Site id that the events belong to; the page's hostname where it is absent. */
  domain?: string;
  /** Address that the events are posted to; `/api/event` of the page's own origin where it is absent. */
  api?: string | URL;
  /** Counts pages on a host without a name too: `localhost`, an address, a file. */
  local?: boolean;
  /** Counts browsers that a program drives too. */
  automation?: boolean;
  /** Parts of this module, in any order. */
  parts?: Part[];
  /** With `downloads`: endings of files, in place of the usual ones. */
  downloads?: string | string[];
  /** With `exclude`: patterns of paths that are not counted. */
  exclude?: string | string[];
  /** With `mask`: patterns that are sent in place of the paths that meet them. */
  mask?: string | string[];
  /** With `keepQuery`: keys of the query that stay in the path. */
  keepQuery?: string | string[];
}

/** Starts to count; once per page, and nothing outside of a browser. */
export function init(options?: InitOptions): void;

/** Sends a custom event; before `init` it waits for it. */
export function track(name: string, options?: MallardOptions): void;

export const downloads: Part;
export const engagement: Part;
export const exclude: Part;
export const forms: Part;
export const hash: Part;
export const keepQuery: Part;
export const manual: Part;
export const mask: Part;
export const notFound: Part;
export const optout: Part;
export const outbound: Part;
export const tagged: Part;
export const webVitals: Part;
