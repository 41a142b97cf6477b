/**
 * Who gets in, as the API has it: the password, API keys and shared links.
 */
import { ask, bear, getJson, isElsewhere } from "./http.js";

/** @typedef {{ setup_required: boolean, authenticated: boolean, open: boolean }} Status `open`: everyone is let in */
/**
 * @typedef {object} Key
 * @property {string} key_hash
 * @property {string} name
 * @property {string} scope
 * @property {string} created_at
 * @property {boolean} revoked
 * @property {string[]} sites none: all
 * @property {string | null} expires_at
 * @property {string | null} last_used a date
 */
/** @typedef {{ name: string, scope: string, sites: string[], expires_at: string }} KeyGiven */
/**
 * @typedef {object} Link
 * @property {string} slug
 * @property {string} site_id
 * @property {string} name
 * @property {boolean} has_password
 * @property {string} filters JSON text, or ""
 * @property {boolean} embeddable
 */
/** @typedef {{ site_id: string, name: string, password: string, filters: string, embeddable: boolean }} LinkGiven */
/** @typedef {{ token: string, site_id: string, name: string, filters: string, embeddable: boolean }} Share */

const post = (path, body) => ask(path, { method: "POST", body });
const remove = (path) => ask(path, { method: "DELETE" });

/** The cookie is set by the answer; a page of another site gets none, and keeps the token instead. */
async function enter(path, body) {
  const { token } = await post(path, body);
  if (isElsewhere) bear(token);
}

/** @param {AbortSignal} signal @returns {Promise<Status>} */
export const getStatus = (signal) => getJson("/api/auth/status", signal);

/** @param {string} password @param {string} token "" where the server has asked for none */
export const setUp = (password, token) => enter("/api/auth/setup", { password, token });

/** @param {string} password */
export const logIn = (password) => enter("/api/auth/login", { password });

/** @param {string} current @param {string} fresh */
export const changePassword = (current, fresh) => enter("/api/auth/password", { current, new: fresh });

/** Ends every session of every browser. */
export async function logOut() {
  await post("/api/auth/logout");
  bear("");
}

/** @param {AbortSignal} signal @returns {Promise<Key[]>} */
export const getKeys = (signal) => getJson("/api/keys", signal);

/** @param {KeyGiven} given @returns {Promise<{ key: string, name: string }>} */
export const createKey = (given) => post("/api/keys", given);

/** @param {string} hash */
export const revokeKey = (hash) => remove(`/api/keys/${hash}`);

/** @param {AbortSignal} signal @returns {Promise<Link[]>} */
export const getLinks = (signal) => getJson("/api/links", signal);

/** @param {LinkGiven} given @returns {Promise<Link>} */
export const createLink = (given) => post("/api/links", given);

/** @param {string} slug */
export const revokeLink = (slug) => remove(`/api/links/${slug}`);

/** @param {string} slug @param {string} password "" where there may be none @returns {Promise<Share>} */
export const openLink = (slug, password) =>
  post(`/api/share/${encodeURIComponent(slug)}`, password ? { password } : {});
