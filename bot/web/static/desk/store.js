/** The desk's state in one place, and who wants to know when a part of it changes. */

export const state = {
  phase: "loading", // loading, login, desk, broken
  agent: null,
  presence: "online",
  connection: "connecting", // connecting, online, offline
  queue: null, // {waiting, mine, online, alerts}
  route: { tab: "queue", id: "", customer: "", merge: "", panel: false },
  claiming: false,
  records: new Map(), // conversation id -> see conversations.js
  person: null, // the customer who is open without a conversation, see people.js
};

const watchers = new Set();
const dirty = new Set();

/** Run `show` now and after each change of one of `topics`, until `signal` aborts. */
export function watch(topics, show, signal) {
  const watcher = { topics, show };
  watchers.add(watcher);
  signal?.addEventListener("abort", () => watchers.delete(watcher));
  show();
}

/** Tell that parts changed: session, connection, presence, queue, route, record, outbox, alerts. Shown together, once. */
export function changed(...topics) {
  if (dirty.size === 0) queueMicrotask(show);
  for (const topic of topics) dirty.add(topic);
}

function show() {
  const topics = [...dirty];
  dirty.clear();
  for (const watcher of [...watchers]) {
    if (watchers.has(watcher) && watcher.topics.some((topic) => topics.includes(topic))) watcher.show();
  }
}
