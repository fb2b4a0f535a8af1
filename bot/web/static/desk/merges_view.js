/** The left pane of a supervisor: records that may be one person, to decide on or decided. */

import * as api from "./api.js";
import { tick } from "./clock.js";
import { fill, h, keyed } from "./dom.js";
import { t, word } from "./i18n.js";
import { nameOf } from "./names.js";
import { go } from "./router.js";
import { state, watch } from "./store.js";
import { sentence } from "./work.js";

export function mergesView(signal) {
  const select = h("select", { class: "input", "aria-label": t("merges.which"), onchange: () => look() },
    ["open", "decided"].map((each) => h("option", { value: each }, t(`merges.${each}`))));
  const list = h("ul", { class: "entries" });
  const hint = h("div", { class: "empty small", role: "status" });
  const view = h("div", { class: "work-view" },
    h("div", { class: "history-filter" }, select, h("p", { class: "hint" }, t("merges.hint"))),
    h("div", { class: "work-scroll" }, list, hint));
  let found = null;
  let asked = 0;

  async function look(start = 0) {
    const turn = (asked += 1);
    if (!found) fill(hint, t("app.loading"));
    try {
      const { suggestions, more } = await api.merges({ status: select.value, start });
      if (turn !== asked) return;
      found = start ? [...found, ...suggestions] : suggestions;
      fill(hint, found.length === 0 && t(`merges.none_${select.value}`),
        more && h("button", { class: "link", onclick: () => look(found.length) }, t("customers.more")));
      show();
    } catch (error) {
      if (turn === asked) fill(hint, sentence(error, "history"), h("button", { class: "link", onclick: () => look(start) }, t("action.retry")));
    }
  }

  function show() {
    if (!found) return;
    keyed(list, found.map((suggestion) => ({ suggestion, open: suggestion.id === state.route.merge })), (row) => row.suggestion.id, suggestionRow);
    tick(list);
  }

  let tab = "";
  watch(["route"], () => {
    if (state.route.tab === "merges" && tab !== "merges") look();
    tab = state.route.tab;
    show();
  }, signal);
  watch(["merges"], () => tab === "merges" && look(), signal); // a decision was made
  return view;
}

function suggestionRow({ suggestion: { id, names, probability, status, decided_at: at }, open }) {
  return h("li", { class: `entry ${open ? "open" : ""}` },
    h("button", { class: "entry-main", data: { part: "main" }, "aria-current": open ? "true" : null, onclick: () => go({ merge: id, panel: false }) },
      h("span", { class: "entry-top" }, h("span", { class: "entry-name" }, names.map(nameOf).join(" · ")), at && h("span", { class: "entry-time", data: { ago: at } })),
      h("span", { class: "tags" }, h("span", { class: "tag plain" }, t("merges.probability", { percent: percent(probability) })),
        status !== "open" && h("span", { class: `tag merge-status-${status}` }, word("merge", status)))));
}

/** Never 100: nothing that is guessed is certain. */
export const percent = (probability) => Math.min(99, Math.round(probability * 100));
