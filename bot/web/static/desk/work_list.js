/** The left pane: claim, the queue, my conversations, who is online; or customers by expected loss; or, for supervisors, records that may be one person; or past conversations. */

import { customersView } from "./customers_view.js";
import { myEntries, unread, waitingEntries } from "./conversations.js";
import { fill, h, keyed } from "./dom.js";
import { mineRow, waitingRow } from "./entry.js";
import { historyView } from "./history_view.js";
import { mergesView } from "./merges_view.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { go } from "./router.js";
import { state, watch } from "./store.js";
import { tick } from "./clock.js";
import { skeleton } from "./skeleton.js";
import { claim, isBusy } from "./work.js";

export function workList(signal) {
  const tabs = h("div", { class: `tabs ${state.agent.role === "supervisor" ? "four" : ""}`, role: "tablist" });
  const now = workView(signal);
  const customers = customersView(signal);
  const past = historyView(signal);
  const pairs = state.agent.role === "supervisor" && mergesView(signal);
  watch(["route"], () => {
    const { tab } = state.route;
    const part = tabs.contains(document.activeElement);
    fill(tabs, tabButton("queue", "inbox", t("tab.work")), tabButton("customers", "person", t("tab.customers")),
      pairs && tabButton("merges", "merge", t("tab.merges")), tabButton("history", "clock", t("tab.history")));
    if (part) tabs.querySelector('[aria-selected="true"]').focus();
    now.hidden = tab !== "queue";
    customers.hidden = tab !== "customers";
    if (pairs) pairs.hidden = tab !== "merges";
    past.hidden = tab !== "history";
  }, signal);
  return h("nav", { class: "pane work", "aria-label": t("tab.work") }, tabs, now, customers, pairs || null, past);
}

function tabButton(tab, iconName, label) {
  const selected = state.route.tab === tab;
  return h("button", { class: "tab", role: "tab", "aria-selected": String(selected), onclick: () => go({ tab }) }, icon(iconName), label);
}

function workView(signal) {
  const claimNext = h("button", { class: "button primary wide claim-next", onclick: () => claim() });
  const mine = section("queue.mine");
  const waiting = section("queue.waiting");
  const foot = h("footer", { class: "work-foot" });
  const view = h("div", { class: "work-view" }, h("div", { class: "claim-bar" }, claimNext), h("div", { class: "work-scroll" }, mine.root, waiting.root), foot);
  watch(["queue", "record", "route", "busy", "outbox"], () => {
    showClaim(claimNext);
    showMine(mine);
    showWaiting(waiting);
    tick(view);
  }, signal);
  watch(["queue"], () => fill(foot, online()), signal);
  return view;
}

function section(title) {
  const count = h("span", { class: "count" });
  const list = h("ul", { class: "entries" });
  const empty = h("div", { class: "empty small" });
  const root = h("section", { class: "work-section", "aria-label": t(title) }, h("h2", {}, t(title), count), list, empty);
  return { root, list, count, empty };
}

function showClaim(button) {
  const waits = waitingEntries().length > 0;
  button.disabled = isBusy("claim_next") || (state.queue !== null && !waits);
  fill(button, isBusy("claim_next") ? t("claim.busy") : t("claim.next"), h("kbd", { "aria-hidden": "true" }, "Alt N"));
}

function showMine({ list, count, empty }) {
  const rows = myEntries().map((entry) => ({ entry, unread: unread(entry.conversation_id), open: entry.conversation_id === state.route.id, last: lastOf(entry) }));
  keyed(list, rows, (row) => row.entry.conversation_id, mineRow);
  count.textContent = rows.length || "";
  fill(empty, state.queue && rows.length === 0 && t("queue.mine_empty"));
}

/** The newest message, from the socket where it is ahead of the queue. */
function lastOf(entry) {
  const message = state.records.get(entry.conversation_id)?.messages.findLast((each) => each.sender !== "system");
  if (!message || (entry.last && entry.last.created_at > message.created_at)) return entry.last;
  return { sender: message.sender, text: message.text, created_at: message.created_at };
}

function showWaiting({ list, count, empty }) {
  const rows = waitingEntries().map((entry, index) => ({ entry, place: index + 1, open: entry.conversation_id === state.route.id, busy: isBusy("claim") }));
  keyed(list, rows, (row) => row.entry.escalation_id ?? row.entry.conversation_id, waitingRow);
  count.textContent = rows.length || "";
  if (!state.queue) fill(empty, skeleton());
  else fill(empty, rows.length === 0 && calm());
}

function calm() {
  return [icon("check"), h("strong", {}, t("queue.empty")), h("p", {}, t(state.presence === "online" ? "queue.empty_hint" : "queue.empty_away"))];
}

/** Who is online: a number, or names where the server tells them. */
function online() {
  const value = state.queue?.online;
  if (value === undefined || value === null) return null;
  const names = Array.isArray(value) ? value.map((each) => each.display_name ?? each) : [];
  const number = Array.isArray(value) ? value.length : value;
  return [h("span", { class: "online-dot", "aria-hidden": "true" }), h("span", { title: names.join(", ") }, t("queue.online", { n: number })),
    names.length > 0 && h("span", { class: "online-names" }, names.join(", "))];
}
