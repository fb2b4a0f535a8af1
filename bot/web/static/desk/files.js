/** Files that an agent is about to send: chosen, dropped or pasted; kept in this page until each is stored. */

import * as api from "./api.js";
import { amount } from "./attachment.js";
import { addMessages, record } from "./conversations.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { newId } from "./outbox.js";
import { changed } from "./store.js";
import { toast } from "./toast.js";
import { sentence } from "./work.js";

const picked = new Map(); // conversation -> [{id, file, busy}], in the order in which they go

export const filesOf = (id) => picked.get(id) ?? [];
export const isSending = (id) => filesOf(id).some(({ busy }) => busy);

function set(id, items) {
  picked.set(id, items);
  changed("files");
}

/** Say what keeps every file from this conversation; empty when nothing does. */
export function noFiles(entry) {
  const delivery = entry.conversation?.delivery;
  return delivery?.takes.length === 0 ? t("files.none", { channel: word("channel", delivery.kind) }) : "";
}

/** Take files into the composer; what the channel does not take is told now and not after sending. */
export function pick(entry, files) {
  for (const file of files) {
    const objection = noFiles(entry) || objectionTo(entry, file);
    if (objection) toast(objection, "error");
    else set(entry.id, [...filesOf(entry.id), { id: newId(), file, busy: false }]);
  }
}

/** The website takes all that the server keeps; a type that the browser does not know is left to the server, which looks inside. */
function objectionTo(entry, file) {
  const { takes, kind } = entry.conversation?.delivery ?? {};
  const fitting = takes?.filter(({ mimes }) => !file.type || mimes.some((begin) => file.type.startsWith(begin)));
  const facts = { name: file.name, channel: word("channel", kind ?? "website") };
  if (fitting?.length === 0) {
    return t(takes.every(({ mimes }) => mimes.every((begin) => begin.startsWith("image/"))) ? "files.pictures_only" : "files.type", facts);
  }
  const most = Math.max(...(fitting ?? []).map((rule) => rule.most_bytes));
  return fitting && file.size > most ? t("files.too_large", { ...facts, size: amount(most) }) : "";
}

/** Send what is picked, one after another; false when something stayed. What was stored before is not stored again. */
export async function sendFiles(id) {
  if (isSending(id)) return false;
  for (const item of filesOf(id)) {
    set(id, filesOf(id).map((each) => (each.id === item.id ? { ...each, busy: true } : each)));
    try {
      const { message } = await api.sendFile(id, item.id, item.file);
      addMessages(record(id), [message]);
      set(id, filesOf(id).filter((each) => each.id !== item.id));
      changed("record");
    } catch (error) {
      set(id, filesOf(id).map((each) => ({ ...each, busy: false })));
      if (error.status !== 401) toast(sentence(error, "file"), "error");
      return false;
    }
  }
  return true;
}

/** Above the reply box: what goes with it, each to be taken out again. */
export function pickedList(id) {
  const items = filesOf(id);
  return items.length > 0 && h("ul", { class: "picked", "aria-label": t("files.picked") }, items.map(({ id: own, file, busy }) =>
    h("li", { class: busy ? "busy" : "" }, icon(busy ? "clock" : "clip"), h("span", { class: "picked-name" }, file.name), h("span", { class: "file-size" }, amount(file.size)),
      !busy && h("button", { class: "icon-button", type: "button", "aria-label": t("files.remove", { name: file.name }), onclick: () => set(id, filesOf(id).filter((each) => each.id !== own)) }, icon("close")))));
}
