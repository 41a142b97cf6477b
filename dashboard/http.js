/**
 * One way to ask the server: where it is, by what we are let in, and its refusals as sentences.
 */
/** @typedef {{ method?: string, body?: unknown, signal?: AbortSignal }} Asking a body is sent as JSON */

/** An answer that is no success; its message is the server's sentence, fit to be shown. */
export class AnswerError extends Error {
  /** @param {string} sentence @param {number} status 0 where no answer came at all @param {number} [wait] seconds */
  constructor(sentence, status, wait = 0) {
    super(sentence);
    this.name = "AnswerError";
    this.status = status;
    this.wait = wait;
  }
}

/** What index.html says: empty where the API is on the server that this page came from. */
const api = (document.querySelector('meta[name="mallard-api"]')?.content ?? "").replace(/\/+$/, "");

/** Whether the API is on another site than this page: the session's cookie does not travel there. */
export const isElsewhere = api !== "";

/** The server's address, as it is written into pages and terminals. */
export const serverOrigin = api || location.origin;

/** @param {string} path */
export const serverUrl = (path) => `${api}${path}`;

// In memory and nowhere else: a reload asks again.
let bearer = "";
let refused = () => {};

/** From now on requests carry this token; "" is none, where a cookie does it. @param {string} token */
export function bear(token) {
  bearer = token;
}

/** Whether a plain link would not be let in. */
export const isBearing = () => bearer !== "";

/** Told of each 401: what we were let in by may be over. @param {() => void} callback */
export function onRefused(callback) {
  refused = callback;
  return () => {
    if (refused === callback) refused = () => {};
  };
}

/** @param {string} path @param {Asking & { redirect?: RequestRedirect }} asking @returns {Promise<Response>} */
async function send(path, { method = "GET", body, signal, redirect = "follow" }) {
  const headers = { Accept: "application/json" };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  try {
    return await fetch(serverUrl(path), { method, headers, body: sent, signal, redirect });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new AnswerError("The server did not answer.", 0);
  }
}

/** @type {WeakMap<object, string[]>} */
const leftOut = new WeakMap();

/** The dates of which a damaged file is left out of an answer, as its header said. @param {unknown} body as it came */
export const datesLeftOut = (body) => leftOut.get(/** @type {object} */ (body)) ?? [];

/** @param {string} path @param {Asking} [asking] @returns {Promise<any>} */
export async function ask(path, asking = {}) {
  const response = await send(path, asking);
  const body = await response.json().catch(() => null);
  if (!response.ok) throw refusalOf(response, body);
  if (body === null) throw new AnswerError("The server sent something that is not JSON.", response.status);
  const dates = response.headers.get("X-Mallard-Incomplete");
  if (dates && typeof body === "object") leftOut.set(body, dates.split(", "));
  return body;
}

/** @param {string} path @param {AbortSignal} signal */
export const getJson = (path, signal) => ask(path, { signal });

/** A file, named as the server names it. @param {string} path @returns {Promise<{ name: string, blob: Blob }>} */
export async function getFile(path) {
  const response = await send(path, { redirect: "manual" });
  if (response.type === "opaqueredirect") {
    throw new AnswerError("The file is so large that only an API key gets it: GET /api/stats/export.", 0);
  }
  if (!response.ok) throw refusalOf(response, await response.json().catch(() => null));
  const named = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "");
  return { name: named?.[1] ?? "export", blob: await response.blob() };
}

function refusalOf({ status, headers }, body) {
  if (status === 401) refused();
  const said = typeof body?.error === "string" && body.error ? body.error : "";
  return new AnswerError(said || `The server answered with status ${status}.`, status, Number(headers.get("Retry-After")));
}
