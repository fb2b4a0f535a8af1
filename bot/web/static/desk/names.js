/** What a customer is called on the desk. */

import { t } from "./i18n.js";

/** A visitor without a name has a label such as #64E5. */
export function nameOf(label) {
  if (!label) return t("customer.visitor");
  return label.startsWith("#") ? `${t("customer.visitor")} ${label}` : label;
}
