/** What the desk knows of each conversation it has met: messages by place, owner, unread. */

import * as api from "./api.js";
import { keepSeen, seenSeq } from "./drafts.js";
import { changed, state } from "./store.js";

export function record(id) {
  if (!state.records.has(id)) {
    state.records.set(id, {
      id, label: "", conversation: null, messages: [], ids: new Set(), escalation: null, customer: null,
      loaded: false, loading: null, error: null, gone: null, mineHere: false, expected: "", frames: 0, readSeq: 0, typingUntil: 0, revealed: {},
    });
  }
  return state.records.get(id);
}

export const openRecord = () => (state.route.id ? record(state.route.id) : null);
export const lastSeq = (entry) => entry.messages.at(-1)?.seq ?? 0;
export const myEntries = () => state.queue?.mine ?? [];
export const waitingEntries = () => state.queue?.waiting ?? [];

/** Who has it, seen from this agent: mine, other, waiting, bot, resolved, or unknown before it is loaded. */
export function ownership(entry) {
  const status = entry.conversation?.status ?? "unknown";
  if (status !== "agent") return status;
  return entry.mineHere || myEntries().some((mine) => mine.conversation_id === entry.id) ? "mine" : "other";
}

/** Add messages in their places, each once; return those that are new. */
export function addMessages(entry, messages) {
  const fresh = messages.filter((message) => !entry.ids.has(message.id));
  for (const message of fresh) entry.ids.add(message.id);
  if (fresh.length) entry.messages = [...entry.messages, ...fresh].sort((one, other) => one.seq - other.seq);
  return fresh;
}

/** Places are 1, 2, 3 … without gaps, so a hole means that something was missed. */
export function hasHole(entry) {
  const first = entry.messages[0]?.seq ?? 1;
  return lastSeq(entry) - first + 1 > entry.messages.length;
}

/** Take over what the server says about the owner, and remember when the conversation went away from this agent. */
export function setConversation(entry, conversation) {
  const before = ownership(entry);
  entry.conversation = { ...entry.conversation, ...conversation };
  entry.readSeq = Math.max(entry.readSeq, conversation.customer_read_seq ?? 0);
  const elsewhere = conversation.status !== "agent" || (conversation.agent && conversation.agent !== state.agent?.display_name);
  if (elsewhere) entry.mineHere = false;
  const after = ownership(entry);
  if (after === "mine") entry.gone = null;
  else if (after !== before && wasNear(before) && entry.expected !== after && !state.claiming) entry.gone = { from: before, to: after };
  if (entry.expected === after) entry.expected = "";
  changed("record");
}

/** Take over news of the owner that is fresher than any answer still on its way. */
export function ownerIs(entry, conversation) {
  entry.frames += 1;
  setConversation(entry, conversation);
}

const wasNear = (owner) => owner === "mine" || owner === "waiting";

/** Load a conversation or bring it up to date; calls at the same time share one request. */
export function loadConversation(id) {
  const entry = record(id);
  entry.loading ??= fetchInto(entry).finally(() => {
    entry.loading = null;
    changed("record");
  });
  changed("record");
  return entry.loading;
}

async function fetchInto(entry) {
  const framesBefore = entry.frames;
  try {
    const answer = await api.conversation(entry.id);
    addMessages(entry, answer.messages);
    entry.escalation = answer.escalation;
    entry.customer = answer.customer;
    entry.loaded = true;
    entry.error = null;
    if (entry.frames === framesBefore || !entry.conversation) setConversation(entry, answer.conversation); // a frame is newer than this answer
  } catch (error) {
    entry.error = error;
  }
}

/** How many of the customer's messages this agent has not seen; an agent's answer from anywhere counts as seen. */
export function unread(id) {
  const entry = state.records.get(id);
  if (!entry || entry.messages.length === 0) return myEntries().find((mine) => mine.conversation_id === id)?.unread ?? 0;
  const answered = entry.messages.findLast((message) => message.sender === "agent")?.seq ?? 0;
  const from = Math.max(answered, seenSeq(id));
  return entry.messages.filter((message) => message.sender === "customer" && message.seq > from).length;
}

/** What is open in a visible window has been seen. */
export function markSeen(entry) {
  const watching = document.visibilityState === "visible" && state.route.id === entry.id;
  if (watching && keepSeen(entry.id, lastSeq(entry))) changed("queue");
}

export function forgetConversations() {
  state.records.clear();
  state.queue = null;
  changed("record", "queue");
}
