/** Shortcuts. Those with Alt work while typing; single letters only where nobody types. */

import { confirmResolve, confirmReturn } from "./confirmations.js";
import { dialogIsOpen, showHelp } from "./dialog.js";
import { go } from "./router.js";
import { state } from "./store.js";
import { askTransfer } from "./transfer.js";
import { claim, openMine, step } from "./work.js";

const focusOn = (selector) => document.querySelector(selector)?.focus();

const SHORTCUTS = [
  { keys: ["Alt", "N"], label: "help.claim", alt: "KeyN", run: () => claim() },
  { keys: ["Alt", "R"], label: "help.resolve", alt: "KeyR", run: () => openMine() && confirmResolve(openMine().id) },
  { keys: ["Alt", "B"], label: "help.return", alt: "KeyB", run: () => openMine() && confirmReturn(openMine().id) },
  { keys: ["Alt", "T"], label: "help.transfer", alt: "KeyT", run: () => openMine() && askTransfer(openMine().id) },
  { keys: ["Alt", "↓"], label: "help.next", alt: "ArrowDown", run: () => step(1) },
  { keys: ["Alt", "↑"], label: "help.previous", alt: "ArrowUp", run: () => step(-1) },
  { keys: ["J", "K"], label: "help.step", plain: { j: () => step(1), k: () => step(-1) } },
  { keys: ["R"], label: "help.reply", plain: { r: () => focusOn("#reply") } },
  { keys: ["/"], label: "help.search", plain: { "/": search } },
  { keys: ["?"], label: "help.help", plain: { "?": () => help() } },
  { keys: ["Enter"], label: "help.send" },
  { keys: ["Shift", "Enter"], label: "help.newline" },
  { keys: ["Esc"], label: "help.escape" },
];

export const help = () => showHelp(SHORTCUTS);

function search() {
  go({ tab: "history" });
  requestAnimationFrame(() => focusOn("#search"));
}

function isTyping(target) {
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

function find(event) {
  if (event.ctrlKey || event.metaKey) return null; // AltGr is Ctrl + Alt
  if (event.altKey) return SHORTCUTS.find((shortcut) => shortcut.alt === event.code)?.run;
  if (isTyping(event.target)) return null;
  return SHORTCUTS.find((shortcut) => shortcut.plain?.[event.key.toLowerCase()])?.plain[event.key.toLowerCase()];
}

/** Esc leaves the reply box, then the customer panel, then (on a phone) the conversation. */
function escape(event) {
  if (isTyping(event.target)) event.target.blur();
  else if (state.route.panel) go({ panel: false });
  else if (state.route.id || state.route.customer || state.route.merge) go({ id: "" });
}

export function startKeyboard() {
  addEventListener("keydown", (event) => {
    if (state.phase !== "desk" || dialogIsOpen() || event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
    if (event.key === "Escape") return escape(event);
    const run = find(event);
    if (!run) return undefined;
    event.preventDefault();
    if (!event.repeat) run();
    return undefined;
  });
}
