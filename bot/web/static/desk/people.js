/** A customer who is open without a conversation: their record, and the first words to them. */

import * as api from "./api.js";
import { draft, keepDraft } from "./drafts.js";
import { t } from "./i18n.js";
import { newId } from "./outbox.js";
import { go } from "./router.js";
import { changed, state } from "./store.js";
import { toast } from "./toast.js";
import { deed, open } from "./work.js";

/** Open a customer's record; what was revealed of the one before is hidden again. */
export const openPerson = (customer, parts = {}) => go({ tab: "customers", customer, panel: true, ...parts });

/** Load whoever is open; called whenever the route changes. */
export function showPerson() {
  const { customer: id } = state.route;
  if (id === (state.person?.id ?? "")) return;
  state.person = id ? { id, isPerson: true, loaded: false, customer: null, way: null, error: null, revealed: {}, messageId: newId() } : null;
  changed("person");
  if (id) loadPerson();
}

export async function loadPerson() {
  const { person } = state;
  try {
    Object.assign(person, await api.customer(person.id), { loaded: true, error: null });
  } catch (error) {
    person.error = error;
  }
  changed("person");
}

export const draftKey = (person) => `customer:${person.id}`;

/** Send the first words, under one id until they are sent, and show the conversation that they make. */
export const writeFirst = (person) =>
  deed("outreach", async () => {
    const { conversation_id: id } = await api.writeFirst(person.id, person.messageId, draft(draftKey(person)).trim()).catch((error) => {
      if (error.status === 409) loadPerson(); // they write just now, or the channel has closed
      throw error;
    });
    keepDraft(draftKey(person), "");
    toast(t("done.outreach"));
    open(id, { tab: "customers" }, person.customer.name);
  });
