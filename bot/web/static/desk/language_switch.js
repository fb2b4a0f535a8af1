/** 中 | EN */

import { h } from "./dom.js";
import { LANGUAGES, language, switchLanguage, t } from "./i18n.js";

const NAMES = { zh: "中文", en: "EN" };

export function languageSwitch(redraw) {
  const choose = (code) => async () => {
    await switchLanguage(code);
    redraw();
  };
  const buttons = LANGUAGES.map((code) =>
    h("button", { type: "button", class: "segment", lang: code, "aria-pressed": String(code === language()), onclick: choose(code) }, NAMES[code]));
  return h("div", { class: "segments languages", role: "group", "aria-label": t("header.language") }, buttons);
}
