/** Who this browser is, and what is not sent yet; in memory where storage is blocked or full. */
const memory = {};

const attempt = (work) => {
  try {
    return work();
  } catch {
    return null;
  }
};
const read = (key) => attempt(() => JSON.parse(memory[key] ?? localStorage[key]));
const erase = (key) => {
  delete memory[key];
  attempt(() => delete localStorage[key]);
};
const write = (key, value) => {
  const text = JSON.stringify(value);
  delete memory[key];
  attempt(() => (localStorage[key] = text)) ?? (memory[key] = text);
};
const keys = (prefix) => Object.keys({ ...memory, ...attempt(() => localStorage) }).filter((key) => key.startsWith(prefix));
const random = () => Math.random().toString(36).slice(2);

// The server checks the JWT; here it only tells one customer from the next.
const subjectOf = (identity) => attempt(() => JSON.parse(atob(identity.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub) ?? identity;

export class Visitor {
  /** Who logs in stays the same visitor; who logs out leaves nothing behind. */
  become(inbox, identity) {
    const root = `yingda:${inbox}:`;
    this.key = root + subjectOf(identity);
    if (!read(this.key) && read(root)) write(this.key, read(root));
    this.load();
    for (const key of keys(root)) if (key !== this.key && !key.startsWith(this.outbox)) erase(key);
    this.refused = [];
  }

  /** Take over what any tab has stored. */
  load() {
    Object.assign(this, { id: random(), token: "", seen: "" }, read(this.key));
    this.outbox = `yingda:${this.id}:`;
  }

  save(values) {
    const { id, token, seen } = Object.assign(this, values);
    write(this.key, { id, token, seen });
  }

  forget() {
    erase(this.key);
  }

  get unsent() {
    return keys(this.outbox).map(read).filter(Boolean).sort((a, b) => a.at - b.at);
  }

  keep(item) {
    const kept = { client_id: random() + random(), at: performance.timeOrigin + performance.now(), ...item, refused: false };
    this.refused = this.refused.filter((other) => other.client_id !== kept.client_id);
    write(this.outbox + kept.client_id, kept);
  }

  done(client_id) {
    erase(this.outbox + client_id);
  }

  /** Send in order. Another tab may send the same, without harm. */
  flush(send) {
    const drain = async () => {
      for (let item; (item = this.unsent[0]); this.done(item.client_id)) {
        await send(item).catch((error) => {
          if (![400, 403, 404, 409, 413, 422].includes(error.status)) throw error;
          // Never to be accepted: still shown, but out of the way of the next.
          this.refused.push({ ...item, refused: true });
        });
      }
    };
    return (this.flushing = Promise.resolve(this.flushing).then(drain, drain));
  }
}
