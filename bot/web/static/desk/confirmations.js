/** Ending one's part in a conversation, with a question before. */

import { confirm } from "./dialog.js";
import { draft } from "./drafts.js";
import { t } from "./i18n.js";
import { resolve, returnToBot } from "./work.js";
import { outgoing } from "./outbox.js";

async function ask(kind, id, run) {
  const unsent = draft(id).trim() || outgoing(id).length > 0;
  const sure = await confirm({
    title: t(`confirm.${kind}.title`),
    text: t(`confirm.${kind}.text`),
    warning: unsent ? t("confirm.unsent") : "",
    yes: t(`confirm.${kind}.yes`),
  });
  if (sure) await run(id);
}

export const confirmResolve = (id) => ask("resolve", id, resolve);
export const confirmReturn = (id) => ask("return", id, returnToBot);
