/** Unsent words and what was read, kept in this tab over reloads and log-ins, per conversation; forgotten at log-out. */

const PREFIX = "yingda.desk.";

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "{}");
  } catch {
    return {};
  }
}

const kept = { drafts: read("drafts"), seen: read("seen"), outbox: read("outbox"), owner: read("owner") };

function keep(name) {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(kept[name]));
  } catch {
    // storage is full or off: it still lives in memory until the page goes
  }
}

export const draft = (id) => kept.drafts[id] ?? "";

export function keepDraft(id, text) {
  if (text) kept.drafts[id] = text;
  else delete kept.drafts[id];
  keep("drafts");
}

export const seenSeq = (id) => kept.seen[id] ?? 0;

export function keepSeen(id, seq) {
  if (seq <= seenSeq(id)) return false;
  kept.seen[id] = seq;
  keep("seen");
  return true;
}

export const unsent = () => kept.outbox;

export function keepUnsent(byConversation) {
  kept.outbox = byConversation;
  keep("outbox");
}

/** Whose words these are: another agent at this browser must not find them. Tell whether they were somebody else's. */
export function claimDrafts(agentId) {
  const others = kept.owner.id !== undefined && kept.owner.id !== agentId;
  if (others) forgetDrafts();
  kept.owner = { id: agentId };
  keep("owner");
  return others;
}

export function forgetDrafts() {
  for (const name of Object.keys(kept)) {
    kept[name] = {};
    keep(name);
  }
}
