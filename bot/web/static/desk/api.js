/** The desk's HTTP interface. Every refusal becomes an ApiError; the CSRF token lives in this module's memory only. */

import { learnServerTime } from "./clock.js";

const TIMEOUT_MS = 15000;
const UPLOAD_MS = 120000;

let csrf = "";
let onSessionLost = () => {};

class ApiError extends Error {
  constructor({ status, code, message, retryAfter = 0 }) {
    super(message);
    this.status = status; // 0: the server was not reached
    this.code = code;
    this.retryAfter = retryAfter; // seconds, with 429
  }

  get unreachable() {
    return this.status === 0 || this.status >= 502;
  }
}

export const csrfToken = () => csrf;

/** Call `listener` when an answer says that nobody is logged in any more. */
export function whenSessionIsLost(listener) {
  onSessionLost = listener;
}

async function call(method, path, body) {
  const stop = new AbortController();
  const isFile = body instanceof Blob;
  const timer = setTimeout(() => stop.abort(), isFile ? UPLOAD_MS : TIMEOUT_MS);
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  try {
    const response = await fetch(`/api/desk/${path}`, {
      method, headers, body: body === undefined || isFile ? body : JSON.stringify(body),
      signal: stop.signal, credentials: "same-origin", cache: "no-store",
    });
    learnServerTime(response.headers.get("Date"));
    const answer = await response.json().catch(() => null);
    if (response.ok && answer !== null) return answer;
    throw refusal(response, answer);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError({ status: 0, code: "unreachable", message: String(error) });
  } finally {
    clearTimeout(timer);
  }
}

function refusal(response, answer) {
  const { code = "error", message = response.statusText, retry_after_s: wait } = answer?.error ?? {};
  const retryAfter = Number(response.headers.get("Retry-After") ?? wait) || 0;
  return new ApiError({ status: response.ok ? 502 : response.status, code, message, retryAfter });
}

/** A call of somebody logged in: 401 ends the session; a stale CSRF token (a new log-in in another tab) is renewed once. */
async function request(method, path, body) {
  try {
    return await call(method, path, body);
  } catch (error) {
    if (error.status === 401) onSessionLost();
    if (error.status !== 403 || method === "GET") throw error;
    const used = csrf;
    await me();
    if (csrf === used) throw error;
    return call(method, path, body);
  }
}

function remember(session) {
  csrf = session.csrf;
  return session;
}

export const login = async (username, password) => remember(await call("POST", "login", { username, password }));
export const me = async () => remember(await request("GET", "me"));
export const logout = () => call("POST", "logout", {});

const at = (id, verb = "") => `conversations/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export const queue = () => request("GET", "queue");
export const claim = (escalationId) => request("POST", "claim", escalationId ? { escalation_id: escalationId } : {});
export const conversation = (id) => request("GET", at(id));
export const sendMessage = (id, clientId, text) => request("POST", at(id, "messages"), { client_id: clientId, text });
export const sendFile = (id, clientId, file) => request("POST", at(id, `files?${new URLSearchParams({ client_id: clientId, name: file.name })}`), file);
export const repeatMessage = (id, messageId) => request("POST", at(id, `messages/${encodeURIComponent(messageId)}/repeat`), {});
export const resolve = (id) => request("POST", at(id, "resolve"), {});
export const returnToBot = (id) => request("POST", at(id, "return"), {});
export const colleagues = (id) => request("GET", at(id, "colleagues"));
export const transfer = (id, wish) => request("POST", at(id, "transfer"), wish);
export const reveal = (id, field) => request("POST", at(id, "reveal"), { field });
export const sendLink = (id) => request("POST", at(id, "link"), {});
export const unlink = (id) => request("POST", at(id, "unlink"), {});
export const setProfiling = (id, objects) => request("POST", at(id, "profiling"), { objects });
export const setPresence = (presence) => request("PUT", "presence", { presence });

const person = (id, verb = "") => `customers/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export const customer = (id) => request("GET", person(id));
export const revealCustomer = (id, field) => request("POST", person(id, "reveal"), { field });
export const setProfilingOf = (id, objects) => request("POST", person(id, "profiling"), { objects });
export const writeFirst = (id, clientId, text) => request("POST", person(id, "messages"), { client_id: clientId, text });

const pair = (id, verb = "") => `merges/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export const merges = ({ status, start }) => request("GET", `merges/?${new URLSearchParams({ status, start })}`);
export const merge = (id) => request("GET", pair(id));
export const revealMerge = (id) => request("POST", pair(id, "reveal"), {});
export const decideMerge = (id, decision) => request("POST", pair(id, "decision"), { decision });

export const customers = ({ level, start }) => request("GET", `customers/?${new URLSearchParams({ level, start })}`);

export function findConversations({ status, q }) {
  const query = new URLSearchParams();
  if (status) query.set("status", status);
  if (q) query.set("q", q);
  return request("GET", `conversations?${query}`);
}
