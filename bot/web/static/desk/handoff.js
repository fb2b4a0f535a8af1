/** Why this conversation came to a human: what the agent should know before the first word. */

import { fullTime, timeOfDay } from "./clock.js";
import { h } from "./dom.js";
import { priorityTag, topic } from "./entry.js";
import { icon } from "./icons.js";
import { hasText, t, word } from "./i18n.js";

const SHOWN_INTENTS = 3; // the ranking of the last message, likeliest first
const UNLIKELY = 0.05;
const NARROW = "(max-width: 760px)";

/** Show an escalation; folded away on a phone, where the conversation needs the room. */
export function handoffBox({ escalation }) {
  const { reason, priority, skill, summary, created_at: at, packet = {} } = escalation;
  const details = h("details", { class: "handoff", open: !matchMedia(NARROW).matches },
    h("summary", {},
      h("span", { class: "handoff-title" }, t("handoff.title")),
      h("strong", {}, word("reason", reason)),
      priorityTag(priority), h("span", { class: "tag plain" }, topic(skill)),
      h("time", { datetime: at, title: fullTime(at) }, timeOfDay(at))),
    h("div", { class: "handoff-body" },
      packet.failed_action && h("p", { class: "handoff-failed" }, icon("alert"), t("handoff.failed_action"), h("code", {}, packet.failed_action)),
      summary && h("p", { class: "handoff-summary" }, summary),
      (packet.transfers ?? []).map(passedOn),
      h("div", { class: "handoff-facts" }, intents(packet.intents), tone(packet.very_negative), slots(packet))));
  return details;
}

/** A transfer and its note, for agents only. */
function passedOn({ by, to, note, at }) {
  return h("p", { class: "handoff-transfer" }, icon("pass"), t("handoff.transfer", { by, to: hasText(`topic.${to}`) ? word("topic", to) : to }),
    h("time", { datetime: at, title: fullTime(at) }, timeOfDay(at)), note && h("q", {}, note));
}

function intents(list) {
  if (!list?.length) return null;
  const likely = list.filter(([, confidence], index) => index === 0 || confidence >= UNLIKELY);
  const items = likely.slice(0, SHOWN_INTENTS).map(([name, confidence]) =>
    h("li", { title: name }, word("intent", name), h("span", { class: "percent" }, `${Math.round(confidence * 100)}%`)));
  return h("div", { class: "fact" }, h("h3", {}, t("handoff.intents")), h("ol", { class: "chips" }, items));
}

/** Why the customer is served sooner; `strength` is null for everybody who is not very upset. */
function tone(strength) {
  if (!strength) return null;
  const chip = h("li", {}, t("handoff.very_negative"), h("span", { class: "percent" }, `${Math.round(strength * 100)}%`));
  return h("div", { class: "fact" }, h("h3", {}, t("handoff.tone")), h("ul", { class: "chips" }, chip));
}

/** Slots and entities as one list of what the bot learnt; those without a word for them are the machine's own, of no use to a person. */
function slots({ slots: filled = {}, entities = {} }) {
  const pairs = Object.entries({ ...pairsOf(entities), ...pairsOf(filled) }).filter(([name, value]) => isTelling(name, value));
  if (pairs.length === 0) return null;
  const rows = pairs.map(([name, value]) => h("div", {}, h("dt", {}, word("slot", name)), h("dd", {}, shown(name, value))));
  return h("div", { class: "fact" }, h("h3", {}, t("handoff.slots")), h("dl", { class: "pairs" }, rows));
}

function pairsOf(values) {
  if (!Array.isArray(values)) return values ?? {};
  return Object.fromEntries(values.map((each) => (Array.isArray(each) ? each : [each.entity, each.value])));
}

function isTelling(name, value) {
  const empty = value === null || value === undefined || value === "" || value === false;
  return !empty && hasText(`slot.${name}`) && (name !== "return_reason" || hasText(`return_reason.${value}`));
}

function shown(name, value) {
  if (name === "return_reason") return word(name, value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
