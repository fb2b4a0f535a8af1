/** Messaging channels at the desk: how long and how often a customer can be answered, and what did not arrive. */

import * as api from "./api.js";
import { fullTime, now } from "./clock.js";
import { loadConversation } from "./conversations.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { toast } from "./toast.js";
import { sentence } from "./work.js";

/** The tag in a conversation's head; none on the website. */
export function channelTag(entry) {
  const delivery = entry.conversation?.delivery;
  return delivery && h("span", { class: "tag plain", title: delivery.name }, icon("chat"), word("channel", delivery.kind));
}

/** What an agent must know before writing: the window that is closed or closing, the sends that are left. */
export function deliveryHint(entry) {
  const delivery = entry.conversation?.delivery;
  if (!delivery) return null;
  if (!delivery.configured) return hint(t("delivery.not_configured"), true);
  if (delivery.stopped) return hint(t("delivery.stopped"), true);
  if (delivery.passive) return hint(t("delivery.passive"), false);
  if (delivery.until && Date.parse(delivery.until) <= now()) return hint(t("delivery.closed"), true);
  if (delivery.sends_left === 0) return hint(t("delivery.none_left"), true);
  const parts = [];
  if (delivery.until) parts.push(t("delivery.until", { time: fullTime(delivery.until) }));
  if (delivery.sends_left !== null) parts.push(t("delivery.sends_left", { n: delivery.sends_left }));
  return parts.length ? hint(parts.join(" "), false) : null;
}

const hint = (text, urgent) => h("p", { class: urgent ? "delivery-hint urgent" : "delivery-hint", role: urgent ? "alert" : null }, urgent && icon("alert"), text);

/** Under a message that its channel has not delivered: why, and the way to try again. */
export function problemLine(problem, conversationId, messageId) {
  const dead = problem.state === "dead";
  return h("div", { class: "send-state", role: dead ? "alert" : null },
    icon(dead ? "alert" : "clock"), t(dead ? "delivery.dead" : "delivery.waits", { why: t(`delivery.why.${problem.reason}`) }),
    dead && h("button", { class: "link", data: { part: "repeat" }, onclick: () => repeat(conversationId, messageId) }, t("action.retry")));
}

async function repeat(conversationId, messageId) {
  try {
    await api.repeatMessage(conversationId, messageId);
  } catch (error) {
    toast(sentence(error, "repeat"), "error");
  }
  await loadConversation(conversationId);
}
