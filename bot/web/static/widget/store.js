/** What is known, and who is to be told when it changes. */
const TYPING_MS = 6_000;

/** A cursor `conversation:seq` as text that sorts by time: ids are UUIDv7. */
const order = (cursor) => cursor.replace(/:\d+$/, (seq) => seq.padStart(12, "0"));
export const isAfter = (cursor, other) => order(cursor) > order(other);
export const cursorOf = ({ conversation_id, seq }) => `${conversation_id}:${seq}`;

export class Store {
  constructor(onChange, onMessage) {
    Object.assign(this, { onChange, onMessage });
    this.clear();
  }

  clear() {
    this.known = new Map();
    this.set({ messages: [], cursor: "", conversation: null, problem: "", typing: "", isLoaded: false });
  }

  /** Take in messages, in any order. A cursor says that there is no gap before it. */
  add(messages, cursor, conversation) {
    for (const message of messages) {
      const isNews = !this.known.has(message.id) && message.sender !== "customer";
      this.known.set(message.id, message);
      if (isNews) this.typing = "";
      if (isNews && this.isLoaded) this.onMessage(message);
    }
    this.messages = [...this.known.values()].sort((a, b) => (isAfter(cursorOf(a), cursorOf(b)) ? 1 : -1));
    if (cursor && isAfter(cursor, this.cursor)) this.cursor = cursor;
    if (conversation && !(conversation.id < this.conversation?.id)) this.conversation = conversation;
    this.changed();
  }

  /** A greeting stands after all that was said, and is not counted. */
  greet(greeting) {
    this.known.set("", { ...greeting, id: "", sender: "bot", conversation_id: this.conversation?.id ?? " ", seq: 1e9 });
    this.add([]);
  }

  set(values) {
    Object.assign(this, values);
    this.changed();
  }

  setTyping(typing) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.set({ typing: "" }), TYPING_MS);
    this.set({ typing });
  }

  unread(seen) {
    return this.messages.filter((message) => message.id && /bot|agent/.test(message.sender) && isAfter(cursorOf(message), seen)).length;
  }

  changed() {
    this.telling ??= Promise.resolve().then(() => {
      this.telling = null;
      this.onChange();
    });
  }
}
