/** The desk's frame: header, connection bar and three panes, of which a phone shows one. */

import { conversationView } from "./conversation_view.js";
import { customerView } from "./customer_view.js";
import { h, fill } from "./dom.js";
import { header } from "./header.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { showPerson } from "./people.js";
import { workList } from "./work_list.js";
import { state, watch } from "./store.js";
import { reconnectNow, subscribe } from "./sync.js";
import { showOpen } from "./work.js";

const GRACE_MS = 1200; // shorter interruptions are not worth a bar

export function shell({ signal, redraw }) {
  const panes = h("div", { class: "panes" }, workList(signal), conversationView(signal), customerView(signal));
  const root = h("div", { class: "desk" }, header({ signal, redraw }), connectionBar(signal), panes);
  let shown = "";
  watch(["route"], () => {
    const { id, customer, merge, panel } = state.route;
    panes.dataset.shows = panel ? "customer" : id || customer || merge ? "conversation" : "work";
    panes.dataset.panel = String(panel);
    panes.dataset.open = String(Boolean(id || customer));
    subscribe();
    if (id !== shown) showOpen();
    shown = id;
    showPerson();
  }, signal);
  return root;
}

function connectionBar(signal) {
  const bar = h("div", { class: "connection-bar", role: "status", hidden: true });
  let timer = 0;
  function show() {
    if (state.connection !== "online") {
      timer ||= setTimeout(appear, GRACE_MS);
      return;
    }
    clearTimeout(timer);
    timer = 0;
    bar.hidden = true;
  }
  function appear() {
    fill(bar, icon("alert"), h("span", {}, t("connection.offline")),
      h("button", { class: "link", onclick: reconnectNow }, t("connection.now")));
    bar.hidden = false;
  }
  watch(["connection"], show, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  return bar;
}
