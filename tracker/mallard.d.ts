/** What `window.mallard` of the tracking script takes. Copy this file into a project, or reference it. */
export {};

declare global {
  interface MallardOptions {
    /** Custom properties: at most 30, at most 4,096 characters as JSON. */
    props?: Record<string, unknown>;
    /** Revenue amount in units of the currency; two decimals are kept. */
    revenue?: number;
    /** ISO 4217 code of the currency, as in `"EUR"`. */
    currency?: string;
    /** Called once, when the event is sent or given up, after three seconds at the latest. */
    callback?: () => void;
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
