/** Replies on their way: shown at once, sent in order, sent again under the same id, and kept over a reload. */

import * as api from "./api.js";
import { addMessages, record, setConversation } from "./conversations.js";
import { keepUnsent, unsent } from "./drafts.js";
import { changed, state } from "./store.js";

const AGAIN_MS = 4000; // while the server cannot take it

const sending = new Set(); // conversations with a request under way
let again = 0;

/** What has not been stored yet: `{client_id, text, state: sending | waiting | failed, code}`, oldest first. */
export const outgoing = (id) => unsent()[id] ?? [];

function update(id, items) {
  const all = { ...unsent(), [id]: items };
  if (items.length === 0) delete all[id];
  keepUnsent(all);
  changed("outbox");
}

function change(id, clientId, values) {
  update(id, outgoing(id).map((item) => (item.client_id === clientId ? { ...item, ...values } : item)));
}

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain HTTP on a private network has no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export function send(id, text) {
  const item = { client_id: newId(), text, state: "sending", created_at: new Date().toISOString() };
  update(id, [...outgoing(id), item]);
  return work(id);
}

export function retry(id, clientId) {
  change(id, clientId, { state: "sending", code: "" });
  return work(id);
}

/** Take a failed reply back; its text goes to the composer. */
export function takeBack(id, clientId) {
  const text = outgoing(id).find((item) => item.client_id === clientId)?.text ?? "";
  delivered(id, clientId);
  return text;
}

/** A message with this id is stored, however we learnt of it. */
export function delivered(id, clientId) {
  const rest = outgoing(id).filter((item) => item.client_id !== clientId);
  if (rest.length !== outgoing(id).length) update(id, rest);
}

/** Send what only the network held back, in order. */
export function flush() {
  if (state.phase !== "desk") return; // after the log-in
  for (const id of Object.keys(unsent())) {
    for (const item of outgoing(id)) if (item.state === "waiting") change(id, item.client_id, { state: "sending" });
    work(id);
  }
}

/** After a reload nothing is under way any more. */
export function restore() {
  for (const id of Object.keys(unsent())) {
    for (const item of outgoing(id)) if (item.state === "sending") change(id, item.client_id, { state: "waiting" });
  }
}

async function work(id) {
  if (sending.has(id)) return;
  sending.add(id);
  try {
    for (;;) {
      const item = outgoing(id).find((each) => each.state === "sending");
      if (!item) return;
      await post(id, item);
    }
  } finally {
    sending.delete(id);
  }
}

async function post(id, item) {
  try {
    const { message } = await api.sendMessage(id, item.client_id, item.text);
    addMessages(record(id), [message]);
    delivered(id, item.client_id);
    changed("record");
  } catch (error) {
    hold(id, item, error);
  }
}

function hold(id, item, error) {
  const later = error.unreachable || error.status === 401;
  change(id, item.client_id, { state: later ? "waiting" : "failed", code: later ? "" : String(error.status) });
  if (later) wait(id);
  if (error.status === 409) {
    const entry = record(id);
    entry.mineHere = false;
    refresh(entry);
  }
}

/** Keep the order: what comes after it waits as well, and all of it is tried again. */
function wait(id) {
  for (const next of outgoing(id)) if (next.state === "sending") change(id, next.client_id, { state: "waiting" });
  clearTimeout(again);
  again = setTimeout(flush, AGAIN_MS);
}

async function refresh(entry) {
  try {
    setConversation(entry, (await api.conversation(entry.id)).conversation);
  } catch {
    // the reply is marked as failed already; the next queue frame brings the owner
  }
}
