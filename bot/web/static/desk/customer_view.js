/** The right pane: who the customer is, how likely to leave, what they bought, what to do next. */

import { churn } from "./churn.js";
import { shortDate } from "./clock.js";
import { ownership, record } from "./conversations.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { side, t, word } from "./i18n.js";
import { openPerson } from "./people.js";
import { go } from "./router.js";
import { state, watch } from "./store.js";
import { isBusy, reveal, sendLink, setProfiling, unlink } from "./work.js";

const CONTACT = ["phone", "email", "address"];

export function customerView(signal) {
  const body = h("div", { class: "customer-body" });
  const pane = h("aside", { class: "pane customer", "aria-label": t("customer.label") },
    h("header", { class: "customer-head" },
      h("button", { class: "icon-button back", "aria-label": t("action.back"), onclick: () => go({ panel: false }) }, icon("back")),
      h("h2", {}, t("customer.label"))),
    body);
  let shown = "";
  watch(["route", "record", "person", "busy"], () => {
    const entry = state.route.customer ? state.person : state.route.id ? record(state.route.id) : null;
    const signature = JSON.stringify([entry?.id, entry?.loaded, entry?.customer, entry?.way, entry?.revealed, entry?.conversation && ownership(entry),
      isBusy("link"), isBusy("reveal"), isBusy("profiling")]);
    if (signature === shown) return;
    shown = signature;
    const focused = body.contains(document.activeElement) && document.activeElement.closest("[data-field]")?.dataset.field;
    fill(body, content(entry));
    if (focused) body.querySelector(`[data-field="${focused}"] [tabindex], [data-field="${focused}"] button`)?.focus();
  }, signal);
  return pane;
}

function content(entry) {
  if (!entry) return h("div", { class: "empty small" }, t("customer.none"));
  if (!entry.loaded) return null;
  const { customer } = entry;
  if (!customer) {
    return h("div", { class: "empty" }, icon("person"), h("strong", {}, t("customer.visitor")), h("p", {}, t("customer.visitor_hint")), linking(entry));
  }
  return [identity(customer), linking(entry), nextAction(customer.next_action), write(entry), contact(entry), churn(customer.churn), membership(customer.membership),
    orders(customer.orders), recommendations(customer.recommendations), profiling(entry)];
}

/** On a channel: how we know who this is, and what an agent can do about it. */
function linking(entry) {
  const by = entry.customer?.known_by;
  if (!entry.conversation?.delivery) return null;
  const mine = ownership(entry) === "mine";
  return h("section", { class: "panel linking" }, by === "order" && h("p", { class: "hint" }, t("link.by_order")),
    by !== "signed" && mine && entry.conversation.linkable && h("button", { class: "link", disabled: isBusy("link"), data: { part: "link" }, onclick: () => sendLink(entry.id) }, t("link.send")),
    by && h("button", { class: "link", disabled: isBusy("link"), data: { part: "unlink" }, onclick: () => unlink(entry.id) }, t("link.part")));
}

function identity({ name, language, segment }) {
  return h("section", { class: "panel identity" },
    h("div", { class: "avatar", "aria-hidden": "true" }, [...(name || "?")][0]),
    h("div", {}, h("h3", {}, name || t("customer.unnamed")),
      h("div", { class: "tags" }, segment && h("span", { class: `tag segment-${segment.key}` }, side(segment)),
        language && h("span", { class: "tag plain" }, word("language", language)))));
}

function nextAction(action) {
  if (!action) return null;
  return h("section", { class: "panel next-action" }, h("h3", {}, t("customer.next_action")), h("p", {}, side(action)));
}

/** On a phone the record stands before the box to write in; from a conversation that is over the way leads here too. */
function write(entry) {
  const over = entry.conversation?.status === "resolved";
  if (!entry.isPerson && !over) return null;
  const onclick = entry.isPerson ? () => go({ panel: false }) : () => openPerson(entry.customer.record_id, { panel: false });
  return h("section", { class: `panel write-first ${entry.isPerson ? "narrow-only" : ""}` }, h("button", { class: "button wide", onclick }, icon("chat"), t("outreach.write")));
}

function contact(entry) {
  const rows = CONTACT.filter((field) => entry.customer[field]).map((field) => contactRow(entry, field));
  if (rows.length === 0) return null;
  return h("section", { class: "panel" }, h("h3", {}, t("customer.contact")), h("dl", { class: "pairs contact" }, rows),
    h("p", { class: "hint" }, t("customer.reveal_hint")));
}

function contactRow(entry, field) {
  const value = entry.revealed[field];
  const label = t(`customer.${field}`);
  const button = h("button", { class: "link", disabled: isBusy("reveal"), "aria-label": t("customer.reveal_field", { field: label }), title: t("customer.reveal_hint"),
    onclick: () => reveal(entry, field) }, icon("eye"), t("customer.reveal"));
  return h("div", { data: { field } }, h("dt", {}, label),
    h("dd", {}, value === undefined ? [h("span", { class: "masked" }, entry.customer[field]), button] : h("span", { class: "revealed", tabindex: "0" }, value)));
}

function membership(member) {
  if (!member) return null;
  return h("section", { class: "panel" }, h("h3", {}, t("customer.membership")),
    h("p", { class: "membership" }, h("strong", {}, word("tier", member.tier)), h("span", { class: `tag member-${member.status}` }, word("member_status", member.status)),
      member.renews_at && h("span", { class: "quiet" }, t(member.status === "active" ? "customer.renews" : "customer.ends", { date: shortDate(member.renews_at) }))));
}

function orders(list) {
  return h("section", { class: "panel" }, h("h3", {}, t("customer.orders")),
    list?.length ? h("ul", { class: "orders" }, list.map(order)) : h("p", { class: "quiet" }, t("customer.no_orders")));
}

function order({ number, status, total, placed_at: placedAt, items }) {
  return h("li", { class: "order" },
    h("div", { class: "order-top" }, h("span", { class: "order-number" }, number), h("span", { class: `tag order-${status?.key}` }, side(status))),
    h("div", { class: "order-items" }, side(items)),
    h("div", { class: "order-bottom" }, h("time", { datetime: placedAt }, shortDate(placedAt)), h("span", {}, total)));
}

function recommendations(list) {
  if (!list?.length) return null;
  const rows = list.map((product) => h("li", {}, h("span", {}, side(product)), h("span", { class: "quiet" }, product.price)));
  return h("section", { class: "panel" }, h("h3", {}, t("customer.recommendations")), h("ul", { class: "recommendations" }, rows));
}

function profiling(entry) {
  const { objects } = entry.customer;
  const which = objects ? "off" : "on";
  return h("section", { class: "panel profiling" }, h("h3", {}, t("customer.profiling")), h("p", { class: "quiet" }, t(`customer.profiling_${which}`)),
    h("button", { class: "link", disabled: isBusy("profiling"), onclick: () => setProfiling(entry, !objects) }, t(objects ? "customer.profile_again" : "customer.profile_no_more")));
}
