/** The middle pane of a supervisor: two records side by side, what speaks for one person, and the decision. */

import * as api from "./api.js";
import { shortDate } from "./clock.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { percent } from "./merges_view.js";
import { nameOf } from "./names.js";
import { go } from "./router.js";
import { skeleton } from "./skeleton.js";
import { changed, watch } from "./store.js";
import { toast } from "./toast.js";
import { deed, isBusy, sentence } from "./work.js";

const IDENTITY = ["name", "phone", "email", "address", "birth_date"];

export function mergeView(id, signal) {
  const head = h("header", { class: "conversation-head" });
  const place = h("div", { class: "merge", "aria-live": "polite" });
  let pair = null;

  async function load() {
    fill(place, skeleton());
    try {
      pair = await api.merge(id);
      show();
    } catch (error) {
      fill(place, h("p", { class: "notice" }, icon("alert"), sentence(error, "merge"), h("button", { class: "link", onclick: load }, t("action.retry"))));
    }
  }

  const decide = (decision) =>
    deed("merge", async () => {
      const { clear } = pair;
      pair = await api.decideMerge(id, decision);
      if (clear) pair = await api.revealMerge(id); // what was being looked at stays in sight
      toast(t(`done.merge_${decision}`));
      changed("merges");
      show();
      place.querySelector(".merge-buttons button")?.focus();
    });

  const reveal = () =>
    deed("merge", async () => {
      pair = await api.revealMerge(id);
      show();
    });

  function show() {
    if (!pair || signal.aborted) return;
    const { suggestion } = pair;
    fill(head,
      h("button", { class: "icon-button back", "aria-label": t("action.back"), onclick: () => go({ merge: "" }) }, icon("back")),
      h("div", { class: "conversation-title" }, h("h2", {}, t("merges.question")),
        h("div", { class: "tags" }, h("span", { class: "tag plain" }, t("merges.probability", { percent: percent(suggestion.probability) })),
          suggestion.status !== "open" && h("span", { class: `tag merge-status-${suggestion.status}` }, word("merge", suggestion.status)),
          suggestion.decided_by && h("span", { class: "tag plain" }, icon("person"), suggestion.decided_by))));
    fill(place, table(pair),
      !pair.clear && h("button", { class: "link merge-reveal", disabled: isBusy("merge"), onclick: reveal }, icon("eye"), t("merges.reveal")),
      evidence(pair), buttons(suggestion.status, decide), h("p", { class: "hint" }, t("merges.effect")));
  }

  let busy = false;
  watch(["busy"], () => {
    if (busy === isBusy("merge")) return;
    busy = isBusy("merge");
    for (const button of place.querySelectorAll("button")) button.disabled = busy;
  }, signal);
  load();
  return [head, place];
}

function table({ records, same }) {
  const row = (label, values, match) =>
    values.some(Boolean) && h("tr", { class: match ? "same" : "" }, h("th", { scope: "row" }, label), values.map((value) => h("td", {}, value || "—")),
      h("td", { class: "merge-match" }, match && [icon("check"), h("span", { class: "visually-hidden" }, t("merges.same"))]));
  const [left, right] = records;
  const both = (tell) => [tell(left), tell(right)];
  return h("table", { class: "merge-table" },
    h("thead", {}, h("tr", {}, h("td", {}), both((one) => h("th", { scope: "col" }, nameOf(one.name || `#${one.id.slice(-4).toUpperCase()}`))), h("td", {}))),
    h("tbody", {},
      IDENTITY.map((field) => row(t(`customer.${field}`), both((one) => one[field]), same.includes(field))),
      row(t("merges.number"), both((one) => one.number)),
      row(t("merges.sources"), both((one) => one.sources.join(", "))),
      row(t("merges.orders"), both((one) => String(one.orders))),
      row(t("merges.last_order"), both((one) => one.last_order_at && shortDate(one.last_order_at))),
      row(t("merges.conversations"), both((one) => String(one.conversations))),
      row(t("customer.profiling"), both((one) => one.objects && t("merges.objects")))));
}

/** What the fields say, in bits: one bit more doubles the odds that they are one person. */
function evidence({ evidence: list }) {
  if (list.length === 0) return null;
  const items = list.map(({ field, bits }) =>
    h("li", { class: bits === null || bits > 0 ? "for" : "against" }, word("merge_field", field),
      h("span", { class: "percent" }, bits === null ? t("merges.shared") : `${bits > 0 ? "+" : "−"}${Math.abs(bits)}`)));
  return h("section", { class: "merge-evidence" }, h("h3", {}, t("merges.evidence")), h("ul", { class: "chips" }, items), h("p", { class: "hint" }, t("merges.evidence_hint")));
}

function buttons(status, decide) {
  const button = (decision, name, primary) => h("button", { class: `button ${primary ? "primary" : ""}`, onclick: () => decide(decision) }, icon(name), t(`merges.${decision}`));
  return h("div", { class: "merge-buttons" }, status === "open" ? [button("accept", "check", true), button("refuse", "close", false)] : button("take_back", "back", false));
}
