/** A picture or a file of a message: shown, offered, on its way, or why it is not here. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";

export function attachment({ id, kind, name, state, reason, size, is_image: isImage }) {
  const label = name || t(`media.${kind}`);
  if (state === "failed") return note("alert", t("media.failed", { name: label, why: t(`media.why.${reason}`) }));
  if (state !== "kept") return note("clock", t("media.due", { name: label }));
  const href = `/api/desk/media/${encodeURIComponent(id)}`;
  if (isImage) {
    return h("a", { class: "picture", href, target: "_blank", rel: "noopener" }, h("img", { src: href, alt: label, loading: "lazy" }));
  }
  return h("a", { class: "file", href, download: "" }, icon("down"), h("span", {}, label), h("span", { class: "file-size" }, amount(size)));
}

const note = (sign, text) => h("p", { class: "file-note" }, icon(sign), text);

/** A size as people say it. */
export function amount(bytes) {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
