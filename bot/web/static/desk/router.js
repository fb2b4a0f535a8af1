/** What is open stands in the address (`#/queue/<conversation>/customer`), so reload and the phone's back button work. */

import { changed, state } from "./store.js";

const TABS = ["queue", "customers", "history"];

function parseRoute(hash) {
  const [tab, id = "", panel = ""] = hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  return { tab: TABS.includes(tab) ? tab : "queue", id, panel: Boolean(id) && panel === "customer" };
}

function formatRoute({ tab, id, panel }) {
  return `#/${[tab, id && encodeURIComponent(id), panel && "customer"].filter(Boolean).join("/")}`;
}

/** Change parts of the route; `replace` leaves no step in the browser's history. */
export function go(parts, { replace = false } = {}) {
  const route = { ...state.route, ...parts };
  const hash = formatRoute(route);
  if (hash === location.hash) return;
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  read();
}

function read() {
  state.route = parseRoute(location.hash);
  changed("route");
}

export function startRouter() {
  addEventListener("popstate", read);
  read();
}
