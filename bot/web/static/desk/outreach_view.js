/** The middle pane for a customer without a conversation: where a first message goes, and the box to write it in. */

import { draft, keepDraft } from "./drafts.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { draftKey, loadPerson, writeFirst } from "./people.js";
import { go } from "./router.js";
import { skeleton } from "./skeleton.js";
import { state, watch } from "./store.js";
import { isBusy, open } from "./work.js";

const LONGEST_TEXT = 4000;

export function outreachView(signal) {
  const head = h("header", { class: "conversation-head" });
  const place = h("div", { class: "outreach" });
  let shown = "";
  watch(["person", "busy"], () => {
    const { person } = state;
    if (!person) return;
    const signature = JSON.stringify([person.id, person.loaded, person.way, person.customer?.name, Boolean(person.error), isBusy("outreach")]);
    if (signature === shown) return; // keeps what is being written
    shown = signature;
    fill(head,
      h("button", { class: "icon-button back", "aria-label": t("action.back"), onclick: () => go({ customer: "" }) }, icon("back")),
      h("div", { class: "conversation-title" }, h("h2", {}, person.customer?.name || t("customer.unnamed"))),
      h("div", { class: "conversation-tools" },
        h("button", { class: "icon-button panel-button", "aria-label": t("customer.show"), title: t("customer.show"), onclick: () => go({ panel: !state.route.panel }) }, icon("person"))));
    fill(place, content(person));
  }, signal);
  return [head, place];
}

function content(person) {
  if (person.error) {
    return h("p", { class: "notice" }, icon("alert"), t(person.error.status === 404 ? "outreach.gone" : "conversation.load_failed"),
      h("button", { class: "link", onclick: loadPerson }, t("action.retry")));
  }
  if (!person.loaded) return skeleton();
  const { way } = person;
  if (!way) return explain("outreach.no_way", "");
  const channel = word("channel", way.channel);
  if (way.reach === "yes") return box(person, channel);
  return explain(`outreach.${way.reach}`, channel, way.conversation_id && h("button", { class: "button", onclick: () => open(way.conversation_id, { tab: "customers" }) }, t("outreach.open")));
}

const explain = (key, channel, ...more) =>
  h("div", { class: "empty large" }, icon("chat"), h("strong", {}, t(key, { channel })), h("p", {}, t(`${key}_hint`, { channel })), more);

function box(person, channel) {
  const key = draftKey(person);
  const text = h("textarea", { id: "first-words", class: "input", rows: "5", maxlength: LONGEST_TEXT, placeholder: t("outreach.placeholder"),
    value: draft(key), autofocus: true, oninput: () => { keepDraft(key, text.value); send.disabled = !text.value.trim(); },
    onkeydown: (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && submit(event) });
  const send = h("button", { class: "button primary", disabled: !draft(key).trim() || isBusy("outreach") }, icon("send"), h("span", {}, t("composer.send")));
  function submit(event) {
    event.preventDefault();
    if (text.value.trim()) writeFirst(person);
  }
  return h("form", { class: "outreach-form", onsubmit: submit },
    h("label", { for: "first-words" }, t("outreach.title", { channel })),
    h("p", { class: "hint" }, t(person.way.channel === "website" ? "outreach.website_hint" : "outreach.channel_hint", { channel })),
    person.customer.churn?.held_out && h("p", { class: "dialog-warning" }, icon("alert"), t("outreach.held_out")),
    text, h("div", { class: "composer-foot" }, h("span", { class: "hint" }, t("outreach.answer_hint")), send));
}
