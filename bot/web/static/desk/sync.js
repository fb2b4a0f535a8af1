/** Keeping up: frames of the socket, and what was missed while it was down. The desk never needs a reload. */

import * as api from "./api.js";
import { announceMessage, givenWork, newMessage, newWork, supervisorAlert } from "./alerts.js";
import { now } from "./clock.js";
import { addMessages, hasHole, lastSeq, loadConversation, markSeen, myEntries, openRecord, ownerIs, ownership, record } from "./conversations.js";
import { seenSeq } from "./drafts.js";
import { delivered, flush } from "./outbox.js";
import { DeskSocket } from "./socket.js";
import { t, word } from "./i18n.js";
import { changed, state, watch } from "./store.js";
import { toast } from "./toast.js";
import { applyQueue, open, refreshQueue, showOpen, whenQueueArrives } from "./work.js";

const TYPING_MS = 6000;
const KNOWN_ANEW = new Set(["linked", "unlinked"]); // the customer's panel is another's now
const NEWS_MS = 60000; // what is older was only replayed: no sound

const subscribed = new Set();
const told = new Map(); // conversation -> up to where its customer was told that I have read
let telling = null;
const socket = new DeskSocket({ hello, onFrame: receive, onState: connectionIs });

export function startSync() {
  subscribed.clear();
  known = null;
  shown.clear();
  whenQueueArrives(follow);
  telling = new AbortController();
  watch(["queue"], tellRead, telling.signal);
  socket.start();
  refresh();
}

export function stopSync() {
  telling?.abort();
  socket.stop();
  state.connection = "connecting";
}

export const sendTyping = (id) => socket.send({ type: "typing", conversation_id: id });
export const reconnectNow = () => socket.hurry();

/** The conversations whose messages we want: mine and the open one, from the last place that we have. */
function wanted() {
  return [...new Set([...myEntries().map((entry) => entry.conversation_id), state.route.id])].filter(Boolean);
}

function hello() {
  subscribed.clear();
  for (const id of wanted()) subscribed.add(id);
  return { type: "hello", csrf: api.csrfToken(), open: Object.fromEntries(wanted().map((id) => [id, lastSeq(record(id))])) };
}

/** Ask for the messages of conversations that became mine or were opened since the hello. */
export function subscribe() {
  if (state.connection !== "online") return;
  for (const id of wanted()) {
    if (subscribed.has(id)) continue;
    subscribed.add(id);
    socket.send({ type: "open", conversation_id: id, after: lastSeq(record(id)) });
  }
}

/** Tell customers of mine what was read of theirs; what gets lost is told again on the next line. */
function tellRead() {
  if (state.connection !== "online") return;
  for (const { conversation_id: id } of myEntries()) {
    const entry = record(id);
    const read = entry.messages.findLast(({ sender, seq }) => sender === "customer" && seq <= seenSeq(id))?.seq ?? 0;
    if (read <= (told.get(id) ?? entry.conversation?.agent_read_seq ?? 0)) continue;
    told.set(id, read);
    socket.send({ type: "read", conversation_id: id, seq: read });
  }
}

let known = null; // conversations that were mine, alerts that were shown: what is new makes a sound
let shown = new Set();

function tellNew() {
  const mine = new Set(myEntries().map((entry) => entry.conversation_id));
  for (const entry of known ? myEntries() : []) {
    if (!known.has(entry.conversation_id) && !state.claiming && !record(entry.conversation_id).mineHere) givenWork(entry);
  }
  known = mine;
  const alerts = state.queue.alerts.filter((alert) => !shown.has(`${alert.kind} ${alert.escalation_id}`));
  for (const alert of alerts) {
    supervisorAlert(alert);
    toast(word("supervisor", alert.kind), "error", { label: t("action.open"), run: () => open(alert.conversation_id) });
  }
  shown = new Set(state.queue.alerts.map((alert) => `${alert.kind} ${alert.escalation_id}`));
}

function follow() {
  subscribe();
  tellNew();
  const open = openRecord();
  const isMine = myEntries().some((entry) => entry.conversation_id === open?.id);
  const looksMine = open && ownership(open) === "mine";
  if (open?.loaded && isMine !== looksMine) loadConversation(open.id);
}

async function refresh() {
  try {
    await refreshQueue();
    await showOpen();
    flush();
  } catch {
    // still away, or logged out: the next attempt of the socket asks again
  }
}

function connectionIs(connection) {
  state.connection = connection;
  changed("connection");
  if (connection === "online" || connection === "offline") refresh(); // offline may mean that only the socket is blocked: keep up by HTTP
}

const receivers = {
  ready(frame) {
    state.presence = frame.presence;
    changed("presence");
    subscribe();
    told.clear();
    tellRead();
  },
  queue: applyQueue,
  alert: (frame) => newWork(frame.escalation_id),
  message: ({ message }) => receiveMessage(message),
  conversation({ conversation }) {
    const entry = record(conversation.id);
    const moved = entry.conversation?.status !== conversation.status || entry.conversation.agent !== conversation.agent;
    ownerIs(entry, conversation);
    if (moved && entry.loaded && entry.id === state.route.id) loadConversation(entry.id); // a new hand-off has a new escalation, a transfer its note
  },
  typing({ conversation_id: id }) {
    record(id).typingUntil = Date.now() + TYPING_MS;
    changed("record");
    setTimeout(() => changed("record"), TYPING_MS + 50);
  },
  read({ conversation_id: id, seq }) {
    const entry = record(id);
    entry.readSeq = Math.max(entry.readSeq, seq);
    changed("record");
  },
  async refused() {
    await api.me().catch(() => {}); // renews a stale CSRF token, or ends in the log-in
  },
};

function receive(frame) {
  receivers[frame.type]?.(frame);
}

function receiveMessage(message) {
  const entry = record(message.conversation_id);
  const before = lastSeq(entry);
  const [fresh] = addMessages(entry, [message]);
  if (message.client_id) delivered(entry.id, message.client_id);
  if (!fresh) return;
  if (message.sender === "customer") entry.typingUntil = 0;
  if ((hasHole(entry) && before > 0) || KNOWN_ANEW.has(message.notice)) loadConversation(entry.id);
  markSeen(entry);
  changed("record", "queue");
  if (now() - Date.parse(message.created_at) > NEWS_MS) return;
  if (entry.id === state.route.id) announceMessage(message);
  if (message.sender === "customer" && ownership(entry) === "mine") newMessage(entry.id, message);
}
