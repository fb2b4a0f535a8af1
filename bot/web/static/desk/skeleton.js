/** Grey bars where something is being loaded. */

import { h } from "./dom.js";
import { t } from "./i18n.js";

export function skeleton() {
  return h("div", { class: "skeletons", role: "status", "aria-label": t("app.loading") }, [0, 1, 2].map(() => h("div", { class: "skeleton" })));
}
