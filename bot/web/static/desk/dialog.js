/** Questions and help in front of the desk: native dialogs, which keep the focus and close with Esc. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";

/** Put a dialog in front; when it closes, the focus goes back. */
export function show(dialog) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.showModal();
}

export const dialogIsOpen = () => document.querySelector("dialog[open]") !== null;

/** Ask before something that cannot be undone; resolve to true when confirmed. */
export function confirm({ title, text, warning = "", yes }) {
  if (dialogIsOpen()) return Promise.resolve(false);
  return new Promise((decide) => {
    const form = h("form", { method: "dialog", class: "dialog-body" },
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      warning && h("p", { class: "dialog-warning" }, icon("alert"), warning),
      h("div", { class: "dialog-buttons" },
        h("button", { value: "no", class: "button" }, t("action.cancel")),
        h("button", { value: "yes", class: "button primary", autofocus: true }, yes)));
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title", onclose: () => decide(dialog.returnValue === "yes") }, form);
    show(dialog);
  });
}

/** List the keyboard shortcuts. */
export function showHelp(shortcuts) {
  if (dialogIsOpen()) return;
  const rows = shortcuts.map(({ keys, label }) =>
    h("div", { class: "shortcut" }, h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, t(label))));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog", class: "dialog-body" },
      h("h2", { id: "dialog-title" }, t("help.title")),
      h("dl", { class: "shortcuts" }, rows),
      h("p", { class: "hint" }, t("help.hint")),
      h("div", { class: "dialog-buttons" }, h("button", { class: "button primary", autofocus: true }, t("action.close")))));
  show(dialog);
}
