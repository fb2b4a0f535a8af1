/** The reply box. Enter sends, unless an input method is composing; what is written stays until it is sent. */

import { ownership, waitingEntries } from "./conversations.js";
import { deliveryHint } from "./delivery.js";
import { draft, keepDraft } from "./drafts.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { filesOf, isSending, noFiles, pick, pickedList, sendFiles } from "./files.js";
import { send } from "./outbox.js";
import { watch } from "./store.js";
import { sendTyping } from "./sync.js";
import { claim, isBusy } from "./work.js";

const LONGEST_TEXT = 4000;
const TYPING_EVERY_MS = 3000;
const IME_KEY = 229; // what Safari says for the Enter that ends a composition

export function composer(entry, signal) {
  const box = h("textarea", { id: "reply", class: "reply", rows: "1", maxlength: LONGEST_TEXT, placeholder: t("composer.placeholder"), "aria-label": t("composer.label"),
    "aria-describedby": "reply-hint", value: draft(entry.id), oninput: written, onkeydown: pressed, onpaste: pasted });
  const button = h("button", { class: "button primary send", "aria-label": t("composer.send"), title: t("composer.send") }, icon("send"), h("span", {}, t("composer.send")));
  const chooser = h("input", { type: "file", multiple: true, hidden: true, onchange: chosen });
  const attach = h("button", { class: "icon-button attach", type: "button", "aria-label": t("files.attach"), title: t("files.attach"), onclick: () => chooser.click() }, icon("clip"));
  const picked = h("div", { class: "picked-place", "aria-live": "polite" });
  const form = h("form", { class: "composer", onsubmit: submit, ondragover: (event) => event.preventDefault(), ondrop: dropped }, picked, box,
    h("div", { class: "composer-foot" }, attach, chooser, h("span", { id: "reply-hint", class: "hint" }, t("composer.hint")), button));
  const blocked = h("div", { class: "composer-blocked" });
  const delivery = h("div", { class: "delivery-place" });
  let typedAt = 0;

  function grow() {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }

  function showButton() {
    button.disabled = isSending(entry.id) || (box.value.trim() === "" && filesOf(entry.id).length === 0);
  }

  function chosen() {
    pick(entry, [...chooser.files]);
    chooser.value = ""; // the same file may be chosen again
    box.focus();
  }

  function pasted(event) {
    const { files, types } = event.clipboardData;
    if (files.length === 0 || types.includes("text/plain")) return; // office programs add a picture of the text
    event.preventDefault();
    pick(entry, [...files]);
  }

  function dropped(event) {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    pick(entry, [...event.dataTransfer.files]);
  }

  function written() {
    keepDraft(entry.id, box.value);
    showButton();
    grow();
    if (box.value && Date.now() - typedAt > TYPING_EVERY_MS) {
      typedAt = Date.now();
      sendTyping(entry.id);
    }
  }

  function pressed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.altKey || event.isComposing || event.keyCode === IME_KEY) return;
    submit(event);
  }

  async function submit(event) {
    event.preventDefault();
    if (ownership(entry) !== "mine") return;
    if (filesOf(entry.id).length > 0 && !(await sendFiles(entry.id))) return;
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    typedAt = 0;
    written();
    send(entry.id, text);
    box.focus();
  }

  let owner = "";
  function showOwner() {
    const before = owner;
    owner = ownership(entry);
    form.hidden = owner !== "mine";
    fill(delivery, owner === "mine" && deliveryHint(entry));
    attach.disabled = noFiles(entry) !== "";
    attach.title = noFiles(entry) || t("files.attach");
    blocked.hidden = owner === "mine" || owner === "unknown";
    if (owner !== "mine") fill(blocked, h("span", {}, t(`composer.${owner}`, { agent: entry.conversation?.agent ?? "" })), claimButton(entry), keptDraft(entry));
    else if (before !== "mine") requestAnimationFrame(ready);
  }

  function ready() {
    grow();
    if (matchMedia("(hover: hover)").matches) box.focus(); // on a phone the keyboard would cover the conversation
  }

  watch(["record", "queue", "busy"], showOwner, signal);
  watch(["files"], () => {
    fill(picked, pickedList(entry.id));
    showButton();
  }, signal);
  watch(["draft"], () => {
    box.value = draft(entry.id);
    showButton();
    requestAnimationFrame(grow);
  }, signal);
  return h("div", { class: "composer-place" }, delivery, form, blocked);
}

/** What was being written when the conversation went away: still there to be copied. */
function keptDraft(entry) {
  const text = draft(entry.id).trim();
  return text && h("p", { class: "kept-draft" }, h("span", { class: "hint" }, t("composer.kept")), text);
}

/** Offer to claim from where replying is not possible. */
function claimButton(entry) {
  const waiting = waitingEntries().find((each) => each.conversation_id === entry.id);
  if (ownership(entry) === "waiting") {
    return h("button", { class: "button primary", disabled: isBusy("claim"), onclick: () => claim(waiting?.escalation_id ?? entry.escalation?.id) }, t("claim.short"));
  }
  const others = waitingEntries().length > 0 && ["resolved", "bot"].includes(ownership(entry));
  return others && h("button", { class: "button", disabled: isBusy("claim_next"), onclick: () => claim() }, t("claim.next"));
}
