/** One row of the left pane: something that waits, one of my conversations, or a past one. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { nameOf } from "./names.js";
import { claim, open } from "./work.js";

/** A skill is a topic and a language, such as orders_zh. */
export const topic = (skill) => word("topic", (skill ?? "").replace(/_(zh|en)$/, ""));

export function priorityTag(priority) {
  return h("span", { class: `tag priority-${priority}` }, word("priority", priority));
}

function churnTag(level) {
  if (!level) return null;
  return h("span", { class: `tag churn-${level}` }, t("churn.tag", { level: word("churn_level", level) }));
}

const languageTag = (code) => h("span", { class: "tag plain" }, word("language", code));

const excerpt = (text, length = 90) => (text.length > length ? `${text.slice(0, length)}…` : text);

/** What it is about: what was left while nobody was there, else the bot's summary. */
const about = ({ left_message: hasLeft, last, summary }) => (hasLeft && last?.sender === "customer" ? last.text : summary);

/** What was promised next, as a countdown. */
function promise(sla) {
  if (!sla) return null;
  return h("span", { class: "timer promise", data: { due: sla.due_at, warned: String(sla.warned) }, title: word("promise", sla.target) });
}

export function waitingRow({ entry, place, open: isOpen, busy }) {
  const { priority, reason, customer, escalation_id: escalationId, conversation_id: id } = entry;
  return h("li", { class: `entry ${isOpen ? "open" : ""}`, data: { priority } },
    h("button", { class: "entry-main", data: { part: "main" }, "aria-current": isOpen ? "true" : null, onclick: () => open(id, { tab: "queue" }, customer) },
      h("span", { class: "entry-top" },
        h("span", { class: "entry-name" }, nameOf(customer)),
        h("span", { class: "timer", data: { since: entry.since }, title: t("queue.waiting_since") })),
      h("span", { class: "entry-reason" }, word("reason", reason), entry.left_message && h("span", { class: "tag plain" }, t("queue.left_message"))),
      about(entry) && h("span", { class: "entry-text" }, excerpt(about(entry))),
      h("span", { class: "tags" }, priorityTag(priority), h("span", { class: "tag plain" }, topic(entry.skill)), languageTag(entry.language), churnTag(entry.churn_level), promise(entry.sla))),
    h("button", { class: "button small entry-claim", data: { part: "claim" }, disabled: busy, onclick: () => claim(escalationId),
      "aria-label": t("claim.this", { name: nameOf(customer), n: place }) }, t("claim.short")));
}

export function mineRow({ entry, unread, open: isOpen, last }) {
  return h("li", { class: `entry ${isOpen ? "open" : ""} ${unread ? "unread" : ""}`, data: { priority: entry.priority } },
    h("button", { class: "entry-main", data: { part: "main" }, "aria-current": isOpen ? "true" : null, onclick: () => open(entry.conversation_id, { tab: "queue" }, entry.customer) },
      h("span", { class: "entry-top" },
        h("span", { class: "entry-name" }, nameOf(entry.customer)), promise(entry.sla),
        last && h("span", { class: "entry-time", data: { ago: last.created_at } })),
      h("span", { class: "entry-bottom" },
        h("span", { class: "entry-text one-line" }, last ? lastLine(last, t("sender.me")) : entry.summary),
        unread > 0 && h("span", { class: "badge", "aria-label": t("queue.unread", { n: unread }) }, unread > 99 ? "99+" : unread))));
}

export function pastRow({ entry, open: isOpen }) {
  const { last } = entry;
  return h("li", { class: `entry ${isOpen ? "open" : ""}` },
    h("button", { class: "entry-main", data: { part: "main" }, "aria-current": isOpen ? "true" : null, onclick: () => open(entry.conversation_id, { tab: "history" }, entry.customer) },
      h("span", { class: "entry-top" },
        h("span", { class: "entry-name" }, nameOf(entry.customer)),
        h("span", { class: "entry-time", data: { ago: last?.created_at ?? entry.since } })),
      h("span", { class: "entry-text one-line" }, last ? lastLine(last) : entry.summary),
      h("span", { class: "tags" }, statusTag(entry.status), entry.reason && h("span", { class: "tag plain" }, word("reason", entry.reason)),
        languageTag(entry.language), entry.agent && h("span", { class: "tag plain" }, icon("person"), entry.agent))));
}

export const statusTag = (status) => h("span", { class: `tag status-${status}` }, word("status", status));

function lastLine({ sender, text }, agent = word("sender", "agent")) {
  const who = sender === "customer" ? "" : `${sender === "agent" ? agent : word("sender", sender)}: `;
  return excerpt(`${who}${text || t("message.attachment")}`);
}
