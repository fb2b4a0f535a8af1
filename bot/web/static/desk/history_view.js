/** Past and present conversations of everybody, with search. */

import * as api from "./api.js";
import { tick } from "./clock.js";
import { fill, h, keyed } from "./dom.js";
import { pastRow } from "./entry.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { state, watch } from "./store.js";
import { sentence } from "./work.js";

const PAUSE_MS = 300; // after the last key, before asking the server
const MOST = 50; // the server gives no more at once
const STATUSES = ["", "resolved", "agent", "waiting", "bot"];

const filter = { status: "", q: "" }; // kept while the desk is open

export function historyView(signal) {
  const search = h("input", { id: "search", class: "input", type: "search", placeholder: t("history.placeholder"), "aria-label": t("history.search"),
    value: filter.q, oninput: () => later({ q: search.value.trim() }) });
  const select = h("select", { class: "input", "aria-label": t("history.status"), onchange: () => later({ status: select.value }, 0) },
    STATUSES.map((status) => h("option", { value: status, selected: status === filter.status }, status ? word("status", status) : t("history.all"))));
  const list = h("ul", { class: "entries" });
  const hint = h("div", { class: "empty small", role: "status" });
  const view = h("div", { class: "work-view" },
    h("div", { class: "history-filter" }, h("div", { class: "search" }, icon("search"), search), select),
    h("div", { class: "work-scroll" }, list, hint));
  let found = null;
  let asked = 0;
  let timer = 0;

  function later(parts, pause = PAUSE_MS) {
    Object.assign(filter, parts);
    clearTimeout(timer);
    timer = setTimeout(look, pause);
  }

  async function look() {
    const turn = (asked += 1);
    if (!found) fill(hint, t("app.loading"));
    try {
      const { conversations } = await api.findConversations(filter);
      if (turn !== asked) return; // a newer search is under way
      found = conversations;
      fill(hint, remark(found.length));
      show();
    } catch (error) {
      if (turn === asked) fill(hint, sentence(error, "history"), h("button", { class: "link", onclick: look }, t("action.retry")));
    }
  }

  function show() {
    if (!found) return;
    keyed(list, found.map((entry) => ({ entry, open: entry.conversation_id === state.route.id })), (row) => row.entry.conversation_id, pastRow);
    tick(list);
  }

  let tab = "";
  watch(["route"], () => {
    if (state.route.tab === "history" && tab !== "history") look();
    tab = state.route.tab;
    show();
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  return view;
}

function remark(found) {
  if (found >= MOST) return t("history.more", { n: MOST });
  if (found > 0) return null;
  return t(filter.q || filter.status ? "history.nothing" : "history.empty");
}
