/** The course of a conversation, oldest first; stays at its end unless the agent reads further up. */

import { bubble, pendingBubble } from "./bubble.js";
import { day } from "./clock.js";
import { ownership } from "./conversations.js";
import { seenSeq } from "./drafts.js";
import { h, keyed } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { outgoing } from "./outbox.js";
import { preference } from "./preferences.js";
import { watch } from "./store.js";

const NEAR_END_PX = 60;
const GROUP_MS = 3 * 60 * 1000; // messages of one sender within this time share a head

export function transcript(entry, signal) {
  const list = h("ol", { class: "messages", role: "log", "aria-live": "off", "aria-label": t("conversation.course"), tabindex: "0" });
  const typing = h("p", { class: "typing", hidden: true }, h("span", { class: "dots", "aria-hidden": "true" }), t("conversation.typing"));
  const jump = h("button", { class: "jump", hidden: true, onclick: () => toEnd() });
  const scroll = h("div", { class: "transcript-scroll" }, list, typing);
  const unreadFrom = seenSeq(entry.id);
  let atEnd = true;
  let missed = 0;
  let count = 0;

  function toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
    missed = 0;
    showJump();
  }

  function showJump() {
    jump.hidden = atEnd || missed === 0;
    jump.replaceChildren(icon("down"), t("conversation.new_below", { n: missed }));
  }

  function show() {
    const items = entry.loaded ? rows(entry, unreadFrom) : []; // the socket may be ahead with the newest
    keyed(list, items, (item) => item.key, render);
    typing.hidden = entry.typingUntil < Date.now();
    const length = entry.messages.length + outgoing(entry.id).length;
    if (!atEnd && length > count) missed += length - count;
    count = length;
    if (atEnd) toEnd();
    else showJump();
  }

  scroll.addEventListener("scroll", () => {
    atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END_PX;
    if (atEnd) missed = 0;
    showJump();
  }, { passive: true });
  const resized = new ResizeObserver(() => atEnd && toEnd());
  resized.observe(scroll);
  signal.addEventListener("abort", () => resized.disconnect());
  watch(["record", "outbox", "intents"], show, signal);
  requestAnimationFrame(toEnd);
  return h("div", { class: "transcript" }, scroll, jump);
}

/** Turn messages into rows: a line at each new day, one where the unread begin, replies on their way at the end. */
function rows(entry, unreadFrom) {
  const withIntents = preference("intents") === "on";
  const result = [];
  let before = null;
  const read = entry.messages.findLast(({ sender, seq }) => sender === "agent" && seq <= entry.readSeq);
  let marked = unreadFrom === 0 || ownership(entry) !== "mine";
  for (const message of entry.messages) {
    const today = day(message.created_at);
    if (!before || day(before.created_at) !== today) result.push({ key: `day ${today}`, line: today });
    if (!marked && message.sender === "customer" && message.seq > unreadFrom) {
      marked = true;
      result.push({ key: "unread", line: t("conversation.unread_line"), unread: true });
    }
    result.push({ key: message.id, message, isRead: message === read, problem: entry.conversation?.delivery?.problems?.[message.id], files: message.attachments && entry.conversation?.delivery?.files, withIntents, grouped: belongsTo(before, message) && !result.at(-1).line });
    before = message;
  }
  const mine = ownership(entry) === "mine";
  for (const item of outgoing(entry.id)) result.push({ key: item.client_id, item, id: entry.id, mine });
  return result;
}

function belongsTo(before, message) {
  return before?.sender === message.sender && before.agent === message.agent && message.sender !== "system"
    && Date.parse(message.created_at) - Date.parse(before.created_at) < GROUP_MS;
}

function render(row) {
  if (row.line) return h("li", { class: `line ${row.unread ? "unread-line" : ""}` }, h("span", {}, row.line));
  if (row.item) return pendingBubble(row);
  return bubble(row);
}
