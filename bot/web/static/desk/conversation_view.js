/** The middle pane: one conversation with its head, its course and the reply box. */

import { composer } from "./composer.js";
import { confirmResolve, confirmReturn } from "./confirmations.js";
import { loadConversation, markSeen, ownership, record, waitingEntries } from "./conversations.js";
import { channelTag } from "./delivery.js";
import { fill, h } from "./dom.js";
import { statusTag } from "./entry.js";
import { handoffBox } from "./handoff.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { nameOf } from "./names.js";
import { mergeView } from "./merge_view.js";
import { outreachView } from "./outreach_view.js";
import { prefer, preference } from "./preferences.js";
import { go } from "./router.js";
import { changed, state, watch } from "./store.js";
import { transcript } from "./transcript.js";
import { askTransfer } from "./transfer.js";
import { isBusy } from "./work.js";
import { skeleton } from "./skeleton.js";

export function conversationView(signal) {
  const pane = h("main", { class: "pane conversation", "aria-label": t("conversation.label") });
  let open = new AbortController();
  let shown = null;
  watch(["route"], () => {
    const { id, customer, merge } = state.route;
    const key = id || customer || merge;
    if (key === shown) return;
    shown = key;
    open.abort();
    open = new AbortController();
    const until = AbortSignal.any([signal, open.signal]);
    fill(pane, customer ? outreachView(until) : merge ? mergeView(merge, until) : id ? opened(record(id), until) : nothingOpen(until));
  }, signal);
  document.addEventListener("visibilitychange", () => state.route.id && markSeen(record(state.route.id)), { signal });
  return pane;
}

function nothingOpen(signal) {
  const place = h("div", { class: "empty large" });
  watch(["queue", "presence"], () => {
    const waiting = waitingEntries().length;
    fill(place, icon("chat"), h("strong", {}, t(waiting ? "conversation.none_waiting" : "conversation.none", { n: waiting })),
      h("p", {}, t(waiting ? "conversation.none_waiting_hint" : "conversation.none_hint")),
      h("p", { class: "keys" }, h("kbd", {}, "?"), t("help.title")));
  }, signal);
  return place;
}

function opened(entry, signal) {
  const head = h("header", { class: "conversation-head" });
  const notice = h("div", { class: "notice-place", role: "status" });
  const handoff = h("div", { class: "handoff-place" });
  const course = transcript(entry, signal);
  const reply = composer(entry, signal);
  watch(["record", "queue", "busy", "intents"], () => {
    showHead(head, entry);
    showNotice(notice, entry);
  }, signal);
  let shown = "";
  watch(["record"], () => {
    const now = entry.messages.some((message) => message.sender === "customer") ? entry.escalation : null; // else an agent wrote first
    const drawn = JSON.stringify(now); // what an agent has folded away stays so until there is news, such as a note
    if (drawn === shown) return;
    shown = drawn;
    fill(handoff, now && handoffBox(entry));
  }, signal);
  return [head, notice, handoff, course, reply];
}

/** The name as the queue or the loaded customer gives it. */
function customerName(entry) {
  const listed = [...(state.queue?.mine ?? []), ...waitingEntries()].find((each) => each.conversation_id === entry.id);
  const label = listed?.customer || entry.label;
  return entry.customer?.name || (label || entry.loaded ? nameOf(label) : "");
}

let headShown = "";

function showHead(head, entry) {
  const status = entry.conversation?.status;
  const owner = ownership(entry);
  const intents = preference("intents") === "on";
  const view = { id: entry.id, name: customerName(entry), status, owner, agent: entry.conversation?.agent, intents, language: entry.conversation?.language, channel: entry.conversation?.delivery?.name,
    busy: isBusy("resolve") || isBusy("return") || isBusy("transfer") };
  const signature = JSON.stringify(view);
  if (head.firstChild && signature === headShown) return; // keeps the focus on its buttons
  headShown = signature;
  fill(head,
    h("button", { class: "icon-button back", "aria-label": t("action.back"), onclick: () => go({ id: "" }) }, icon("back")),
    h("div", { class: "conversation-title" },
      h("h2", {}, view.name || "…"),
      h("div", { class: "tags" }, status && statusTag(status), owner === "other" && h("span", { class: "tag plain" }, icon("person"), view.agent), channelTag(entry),
        view.language && h("span", { class: "tag plain" }, word("language", view.language)))),
    h("div", { class: "conversation-tools" },
      h("button", { class: "icon-button intents-button", "aria-pressed": String(intents), "aria-label": t("intents.toggle"), title: t("intents.toggle"), onclick: toggleIntents }, icon("tag")),
      h("button", { class: "icon-button panel-button", "aria-label": t("customer.show"), title: t("customer.show"), onclick: () => go({ panel: !state.route.panel }) }, icon("person")),
      mayPassOn(owner) && h("button", { class: "button transfer-button", disabled: view.busy, title: `${t("action.transfer")} (Alt+T)`, "aria-label": t("action.transfer"),
        onclick: () => askTransfer(entry.id) }, icon("pass"), h("span", {}, t("action.transfer"))),
      owner === "mine" && h("button", { class: "button return-button", disabled: view.busy, title: `${t("action.return")} (Alt+B)`, "aria-label": t("action.return"),
        onclick: () => confirmReturn(entry.id) }, icon("bot"), h("span", {}, t("action.return"))),
      owner === "mine" && h("button", { class: "button primary resolve-button", disabled: view.busy, title: `${t("action.resolve")} (Alt+R)`,
        onclick: () => confirmResolve(entry.id) }, icon("check"), h("span", {}, t("action.resolve")))));
}

/** One's own; a supervisor also anybody's, and what still waits. */
const mayPassOn = (owner) => owner === "mine" || (state.agent.role === "supervisor" && (owner === "other" || owner === "waiting"));

function toggleIntents() {
  prefer("intents", preference("intents") === "on" ? "off" : "on");
  changed("intents", "record");
}

function showNotice(place, entry) {
  const { gone, error, loaded } = entry;
  if (error && !loaded) return fill(place, failed(entry));
  if (!loaded) return fill(place, skeleton());
  if (error) return fill(place, h("p", { class: "notice" }, icon("alert"), t("conversation.stale")));
  if (!gone) return fill(place);
  const agent = entry.conversation.agent ?? "";
  return fill(place, h("p", { class: "notice" }, icon("alert"), t(`gone.${gone.from}.${gone.to}`, { agent })));
}

function failed(entry) {
  const text = entry.error.status === 404 ? t("conversation.not_found") : t("conversation.load_failed");
  const again = entry.error.status === 404
    ? h("button", { class: "link", onclick: () => go({ id: "" }) }, t("action.back"))
    : h("button", { class: "link", onclick: () => loadConversation(entry.id) }, t("action.retry"));
  return h("p", { class: "notice" }, icon("alert"), text, again);
}
