/** A sentence that comes and goes in the corner; read out by screen readers. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";

const SHOWN_MS = { info: 4000, error: 8000 };

/** `action` is a link in it: {label, run}. */
export function toast(text, kind = "info", action = null) {
  const region = document.getElementById(kind === "error" ? "toasts-urgent" : "toasts");
  for (const other of region.children) if (other.dataset.text === text) other.remove();
  const close = h("button", { class: "icon-button", "aria-label": t("action.close"), onclick: () => note.remove() }, icon("close"));
  const note = h("div", { class: `toast ${kind}`, data: { text } }, icon(kind === "error" ? "alert" : "check"), h("span", {}, text),
    action && h("button", { class: "link", onclick: () => { note.remove(); action.run(); } }, action.label), close);
  region.append(note);
  setTimeout(() => note.remove(), SHOWN_MS[kind]);
}
