/** What an agent does: claim, open, resolve, pass on, return to the bot, reveal, go away and come back. */

import * as api from "./api.js";
import { loadConversation, markSeen, myEntries, ownerIs, ownership, record } from "./conversations.js";
import { hasText, t } from "./i18n.js";
import { go } from "./router.js";
import { changed, state } from "./store.js";
import { toast } from "./toast.js";

/** Return a friendly sentence for a refusal of one kind of deed (`claim`, `resolve`, …). */
export function sentence(error, deed) {
  if (error.status === 503) return t("error.service");
  if (error.unreachable) return t("error.unreachable");
  const known = [`error.${deed}.${error.code}`, `error.${deed}.${error.status}`].find(hasText);
  if (known) return t(known);
  return error.status === 429 ? t("error.too_many") : t("error.other", { message: error.message });
}

let takeEntries = () => {};

/** Tell who wants to know which of the entries are new (sync.js: subscriptions). */
export function whenQueueArrives(listener) {
  takeEntries = listener;
}

export function applyQueue({ waiting, mine, online, presence, alerts = [] }) {
  state.queue = { waiting, mine, online, alerts };
  for (const { conversation_id: id, customer } of [...mine, ...waiting]) {
    if (state.records.has(id)) record(id).label = customer; // still its name when it is in no list any more
  }
  if (!isBusy("presence")) state.presence = presence; // who was finishing is off when the last is done
  changed("queue", "presence");
  takeEntries(state.queue);
}

export async function refreshQueue() {
  applyQueue(await api.queue());
}

/** Open a conversation; `label` is its customer's name as a list gave it. */
export function open(id, parts = {}, label = "") {
  if (label) record(id).label = label;
  const earlier = state.records.get(state.route.id);
  if (earlier && earlier.id !== id) Object.assign(earlier, { revealed: {}, gone: null });
  go({ id, panel: false, ...parts });
}

/** Bring the open conversation up to date; called whenever the route changes. */
export async function showOpen() {
  const { id } = state.route;
  if (!id) return;
  const entry = record(id);
  markSeen(entry);
  await loadConversation(id);
  markSeen(entry);
}

const busy = new Set();

/** Run a deed once at a time; a second press while it runs does nothing. */
export async function deed(name, run) {
  if (busy.has(name)) return;
  busy.add(name);
  changed("busy");
  try {
    await run();
  } catch (error) {
    if (error.status !== 401) toast(sentence(error, name), "error");
    if (error.status === 404 || error.status === 409) refreshQueue().catch(() => {});
  } finally {
    busy.delete(name);
    changed("busy");
  }
}

export const isBusy = (name) => busy.has(name);

/** Claim the chosen entry of the queue, or the next. */
export const claim = (escalationId = "") =>
  deed(escalationId ? "claim" : "claim_next", async () => {
    state.claiming = true; // the socket may tell of it before the answer is here
    const { conversation_id: id } = await api.claim(escalationId).finally(() => (state.claiming = false));
    const entry = record(id);
    Object.assign(entry, { mineHere: true, gone: null });
    ownerIs(entry, { id, status: "agent", agent: state.agent.display_name });
    open(id, { tab: "queue" });
    await entry.loading; // a preview's answer may still be on its way
    await Promise.all([refreshQueue(), loadConversation(id)]);
  });

function leave(name, call, status) {
  return (id, wish) =>
    deed(name, async () => {
      const entry = record(id);
      entry.expected = status;
      try {
        await call(id, wish);
      } catch (error) {
        entry.expected = "";
        if (error.status === 409) await loadConversation(id);
        throw error;
      }
      ownerIs(entry, { status, agent: null });
      toast(t(`done.${name}`));
      await refreshQueue();
    });
}

export const resolve = leave("resolve", api.resolve, "resolved");
/** Pass a conversation on: `wish` is {agent_id or topic, note}; the server says whose it is then. */
export const transfer = (id, wish) =>
  deed("transfer", async () => {
    const entry = record(id);
    entry.expected = wish.agent_id ? "other" : "waiting";
    try {
      await api.transfer(id, wish);
    } catch (error) {
      entry.expected = "";
      throw error;
    }
    entry.mineHere = false;
    toast(t("done.transfer"));
    await Promise.all([refreshQueue(), loadConversation(id)]);
  });

export const returnToBot = leave("return", api.returnToBot, "bot");

/** `entry` is a conversation's record or, without one, the person's. */
export const reveal = (entry, field) =>
  deed("reveal", async () => {
    const { value } = await (entry.isPerson ? api.revealCustomer : api.reveal)(entry.id, field);
    entry.revealed[field] = value;
    changed("record", "person");
  });

/** Note that the customer objects to profiling, or takes it back. */
export const setProfiling = (entry, objects) =>
  deed("profiling", async () => {
    const { customer } = await (entry.isPerson ? api.setProfilingOf : api.setProfiling)(entry.id, objects);
    entry.customer = customer;
    changed("record", "person");
  });

/** Send a channel's customer a link by which the shop can say who they are; part what was linked. */
export const sendLink = (id) => deed("link", () => api.sendLink(id));
export const unlink = (id) =>
  deed("link", async () => {
    await api.unlink(id);
    await loadConversation(id);
  });

export const setPresence = (presence) =>
  deed("presence", async () => {
    try {
      ({ presence: state.presence } = await api.setPresence(presence));
    } finally {
      changed("presence");
    }
  });

/** Open the next (+1) or previous (-1) of my conversations. */
export function step(direction) {
  const ids = myEntries().map((entry) => entry.conversation_id);
  if (ids.length === 0) return;
  const at = ids.indexOf(state.route.id);
  const next = at < 0 ? (direction > 0 ? 0 : ids.length - 1) : (at + direction + ids.length) % ids.length;
  open(ids[next], { tab: "queue" });
}

/** Return the open conversation if it is this agent's. */
export function openMine() {
  const entry = state.records.get(state.route.id);
  return entry && ownership(entry) === "mine" ? entry : null;
}
