/** Whose desk this is. */

import { language } from "./i18n.js";

/** The company's name, which the server wrote into the page. */
export function company() {
  const { companyZh, companyEn } = document.documentElement.dataset;
  return language() === "zh" ? companyZh : companyEn;
}
