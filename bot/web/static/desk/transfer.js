/** Passing a conversation on: to a colleague who can take it, or to the queue of another topic, with a note for whoever goes on. */

import * as api from "./api.js";
import { dialogIsOpen, show } from "./dialog.js";
import { h } from "./dom.js";
import { t, word } from "./i18n.js";
import { toast } from "./toast.js";
import { sentence, transfer } from "./work.js";

export async function askTransfer(id) {
  if (dialogIsOpen()) return;
  let choices;
  try {
    choices = await api.colleagues(id);
  } catch (error) {
    toast(sentence(error, "transfer"), "error");
    return;
  }
  if (dialogIsOpen()) return;
  const to = h("select", { id: "transfer-to", required: true, autofocus: true }, groups(choices));
  const note = h("textarea", { id: "transfer-note", rows: 3, maxlength: 1000, placeholder: t("transfer.note_hint") });
  const nobody = to.options.length === 0;
  const form = h("form", { method: "dialog", class: "dialog-body" },
    h("h2", { id: "dialog-title" }, t("transfer.title")),
    nobody ? h("p", { class: "dialog-warning" }, t("transfer.nobody")) : [
      h("label", { for: "transfer-to" }, t("transfer.to")), to,
      h("label", { for: "transfer-note" }, t("transfer.note")), note],
    h("div", { class: "dialog-buttons" },
      h("button", { value: "no", class: "button", formnovalidate: true }, t("action.cancel")),
      !nobody && h("button", { value: "yes", class: "button primary" }, t("action.transfer"))));
  const dialog = h("dialog", { class: "dialog transfer", "aria-labelledby": "dialog-title", onclose: () => {
    if (dialog.returnValue === "yes") transfer(id, { ...JSON.parse(to.value), note: note.value });
  } }, form);
  show(dialog);
}

/** Colleagues who can take it, then topics that somebody serves; who cannot take it is shown and cannot be chosen. */
function groups({ agents, topics }) {
  const people = agents.map(({ id, name, presence, load, capacity, can_take: can }) =>
    h("option", { value: JSON.stringify({ agent_id: id }), disabled: !can }, t("transfer.person", { name, presence: word("presence", presence), load, capacity })));
  const queues = topics.map((topic) => h("option", { value: JSON.stringify({ topic }) }, word("topic", topic)));
  if (!agents.some((one) => one.can_take) && topics.length === 0) return [];
  return [
    people.length > 0 && h("optgroup", { label: t("transfer.people") }, people),
    queues.length > 0 && h("optgroup", { label: t("transfer.topics") }, queues)];
}
