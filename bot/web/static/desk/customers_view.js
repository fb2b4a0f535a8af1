/** Customers by what the company is likely to lose with them; one click opens their newest conversation, or their record. */

import * as api from "./api.js";
import { shortDate } from "./clock.js";
import { fill, h, keyed } from "./dom.js";
import { side, t, word } from "./i18n.js";
import { nameOf } from "./names.js";
import { state, watch } from "./store.js";
import { openPerson } from "./people.js";
import { open, sentence } from "./work.js";

const LEVELS = ["", "high", "medium", "low"];

export function customersView(signal) {
  let level = ""; // kept while the desk is open
  const select = h("select", { id: "customers-level", class: "input", "aria-label": t("customers.level"), onchange: () => { level = select.value; look(); } },
    LEVELS.map((each) => h("option", { value: each }, each ? word("risk", each) : t("customers.any"))));
  const list = h("ul", { class: "entries customers-list" });
  const hint = h("div", { class: "empty small", role: "status" });
  const view = h("div", { class: "work-view" },
    h("div", { class: "history-filter" }, select, h("p", { class: "hint" }, t("customers.hint"))),
    h("div", { class: "work-scroll" }, list, hint));
  let found = null;
  let asked = 0;

  async function look(start = 0) {
    const turn = (asked += 1);
    if (start === 0) fill(hint, t("app.loading"));
    try {
      const { customers, more } = await api.customers({ level, start });
      if (turn !== asked) return; // another filter was chosen meanwhile
      found = start ? [...found, ...customers] : customers;
      fill(hint, found.length === 0 && t(level ? "customers.nothing" : "customers.empty"),
        more && h("button", { class: "link", onclick: () => look(found.length) }, t("customers.more")));
      show();
    } catch (error) {
      if (turn === asked) fill(hint, sentence(error, "history"), h("button", { class: "link", onclick: () => look(start) }, t("action.retry")));
    }
  }

  function show() {
    if (found) keyed(list, found.map((customer) => ({ customer, open: isOpen(customer) })), (row) => row.customer.id, customerRow);
  }

  let tab = "";
  watch(["route"], () => {
    if (state.route.tab === "customers" && tab !== "customers") look();
    tab = state.route.tab;
    show();
  }, signal);
  return view;
}

const isOpen = ({ conversation_id: id, record_id: record }) => (Boolean(id) && id === state.route.id) || record === state.route.customer;

function customerRow({ customer, open: isShown }) {
  const { conversation_id: conversation, churn, segment } = customer;
  const inside = [
    h("span", { class: "entry-top" },
      h("span", { class: "entry-name" }, nameOf(customer.customer)),
      churn && h("span", { class: "entry-loss", title: t("churn.loss_hint") }, churn.expected_loss)),
    churn?.reasons[0] && h("span", { class: "entry-text one-line" }, side(churn.reasons[0])),
    h("span", { class: "tags" },
      churn && h("span", { class: `tag churn-${churn.level}` }, `${word("risk", churn.level)} ${Math.round(churn.probability * 100)}%`),
      segment && h("span", { class: `tag segment-${segment.key}` }, side(segment)),
      customer.last_order_at && h("span", { class: "tag plain" }, t("customers.last_order", { date: shortDate(customer.last_order_at) })),
      !conversation && h("span", { class: "tag plain" }, t("customers.no_conversation")))];
  return h("li", { class: `entry ${isShown ? "open" : ""}` },
    h("button", { class: "entry-main", data: { part: "main" }, "aria-current": isShown ? "true" : null,
      onclick: () => (conversation ? open(conversation, { tab: "customers", panel: true }, customer.customer) : openPerson(customer.record_id)) }, inside));
}
