/** One message, as the customer saw it, with what the desk knows besides. */

import { fullTime, timeOfDay } from "./clock.js";
import { attachment } from "./attachment.js";
import { problemLine } from "./delivery.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { keepDraft, draft } from "./drafts.js";
import { retry, takeBack } from "./outbox.js";
import { changed, state } from "./store.js";

export function bubble({ message, isRead, problem, files, withIntents, grouped }) {
  if (message.sender === "system") return systemNotice(message, problem);
  const failed = problem?.state === "dead" ? "failed" : "";
  return h("li", { class: `message ${message.sender} ${grouped ? "grouped" : ""} ${failed}`, data: { seq: message.seq } },
    !grouped && h("div", { class: "message-head" }, h("span", { class: "who" }, message.sender === "bot" && icon("bot"), whoSays(message)), time(message.created_at)),
    h("div", { class: "bubble", lang: message.language || null, title: fullTime(message.created_at) },
      message.text && h("p", { class: "text" }, linked(message.text)),
      (message.attachments ?? []).filter(({ id }) => message.sender === "agent" || files?.[id]).map((file) => attachment({ ...file, ...files?.[file.id] })), // one that its customer took back is gone
      (message.cards ?? []).map(card),
      choices(message.buttons)),
    isRead && h("div", { class: "send-state" }, icon("check"), t("message.read")),
    problem && problemLine(problem, message.conversation_id, message.id),
    withIntents && message.sender === "customer" && intent(message));
}

function whoSays({ sender, agent }) {
  if (sender !== "agent") return word("sender", sender);
  return agent === state.agent?.display_name ? t("sender.me") : agent ?? word("sender", "agent");
}

const time = (at) => h("time", { datetime: at, title: fullTime(at) }, timeOfDay(at));

/** A reply on its way, or one that did not get there. */
export function pendingBubble({ item, id, mine }) {
  const failed = item.state === "failed";
  const state = failed ? t(item.code === "409" ? "send.not_yours" : "send.failed") : t(`send.${item.state}`);
  return h("li", { class: `message agent pending ${item.state}` },
    h("div", { class: "bubble" }, h("p", { class: "text" }, item.text)),
    h("div", { class: "send-state", role: failed ? "alert" : null },
      icon(failed ? "alert" : "clock"), state,
      failed && mine && h("button", { class: "link", data: { part: "retry" }, onclick: () => retry(id, item.client_id) }, t("action.retry")),
      failed && h("button", { class: "link", data: { part: "back" }, onclick: () => backToComposer(id, item.client_id) }, t("send.take_back"))));
}

function backToComposer(id, clientId) {
  const text = takeBack(id, clientId);
  keepDraft(id, [draft(id), text].filter(Boolean).join("\n"));
  changed("draft");
}

function systemNotice(message, problem) {
  const done = (message.notice ?? "").startsWith("effect_"); // the world was changed, and its reply was not said
  return h("li", { class: `message system ${done ? "effect" : ""}`, data: { seq: message.seq } },
    h("div", { class: "system-text" },
      message.csat && h("span", { class: "tag plain" }, t("message.csat")), done && h("span", { class: "tag plain" }, icon("bot"), t("message.effect")),
      h("span", { class: "text" }, message.text || word("notice", message.notice)), time(message.created_at)),
    (message.cards ?? []).map(card),
    problem && problemLine(problem, message.conversation_id, message.id));
}

function intent({ intent: name, confidence }) {
  if (!name) return null;
  const percent = Math.round((confidence ?? 0) * 100);
  return h("div", { class: `intent ${percent < 50 ? "unsure" : ""}`, title: `${name} ${percent}%` },
    h("span", { class: "visually-hidden" }, `${t("intents.label")}: `), word("intent", name), h("span", { class: "percent" }, `${percent}%`));
}

const ADDRESS = /(https?:\/\/[^\s<>"'，。；！？）】」]+)/;

/** Text with its web addresses as links; everything else stays text. */
function linked(text) {
  return text.split(ADDRESS).map((part, index) =>
    index % 2 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part);
}

/** Choices that the customer was given; the desk shows them and cannot press them. */
function choices(buttons) {
  if (!buttons?.length) return null;
  return h("ul", { class: "choices", "aria-label": t("message.choices") }, buttons.map(({ title }) => h("li", {}, title)));
}

function card({ title, subtitle, badge, rows = [], steps = [], buttons }) {
  return h("div", { class: "card" },
    h("div", { class: "card-head" }, h("strong", {}, title), badge && h("span", { class: "tag plain" }, badge)),
    subtitle && h("p", { class: "card-subtitle" }, subtitle),
    rows.length > 0 && h("dl", { class: "pairs" }, rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value)))),
    steps.length > 0 && h("ol", { class: "steps" }, steps.map(([when, what]) => h("li", {}, h("span", { class: "step-time" }, when), what))),
    choices(buttons));
}
