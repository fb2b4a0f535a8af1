/** Churn risk: probability, level and reasons in words. */

import { h } from "./dom.js";
import { side, t, word } from "./i18n.js";

export function churn(risk) {
  if (!risk) return null;
  const percent = Math.round(risk.probability * 100);
  const fill = h("span", { class: "bar-fill" });
  fill.style.width = `${percent}%`;
  return h("section", { class: `panel churn ${risk.level}` },
    h("h3", {}, t("churn.title")),
    h("div", { class: "churn-top" },
      h("span", { class: `tag churn-${risk.level}` }, word("risk", risk.level)),
      h("span", { class: "churn-number" }, `${percent}%`)),
    h("div", { class: "bar", role: "meter", "aria-label": t("churn.title"), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": percent,
      "aria-valuetext": `${percent}% ${word("risk", risk.level)}` }, fill),
    h("p", { class: "churn-loss" }, t("churn.loss"), " ", h("strong", {}, risk.expected_loss)),
    risk.held_out && h("p", { class: "hint" }, t("churn.held_out")),
    risk.reasons?.length > 0 && h("ul", { class: "reasons" }, risk.reasons.map((reason) => h("li", {}, side(reason)))));
}
