/** What is open stands in the address (`#/queue/<conversation>/customer`), so reload and the phone's back button work.
 *
 * A customer without a conversation is `#/customers/customer:<record>`, records that may be one person `#/merges/merge:<suggestion>`.
 */

import { changed, state } from "./store.js";

const TABS = ["queue", "customers", "merges", "history"];
const OPEN = ["id", "customer", "merge"]; // one of them at a time

function parseRoute(hash) {
  const [tab, open = "", panel = ""] = hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  const [kind, key] = open.includes(":") ? open.split(":") : ["id", open];
  return { tab: TABS.includes(tab) ? tab : "queue", id: "", customer: "", merge: "", ...(OPEN.includes(kind) && { [kind]: key }),
    panel: Boolean(open) && panel === "customer" };
}

function formatRoute({ tab, id, customer, merge, panel }) {
  const open = encodeURIComponent(id) || (customer && `customer:${encodeURIComponent(customer)}`) || (merge && `merge:${encodeURIComponent(merge)}`);
  return `#/${[tab, open, panel && "customer"].filter(Boolean).join("/")}`;
}

/** Change parts of the route; `replace` leaves no step in the browser's history. */
export function go(parts, { replace = false } = {}) {
  const closed = OPEN.some((kind) => kind in parts) && { id: "", customer: "", merge: "" };
  const route = { ...state.route, ...closed, ...parts };
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
