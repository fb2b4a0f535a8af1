/** Keeps the store in step with the server, whatever becomes of network, tab and token. */
import { call, connect } from "./server.js";
import { cursorOf, isAfter } from "./store.js";
import { Visitor } from "./visitor.js";

const LONGEST_MS = 30_000;
const HIDDEN_MS = 60_000;
const UNANSWERED_MS = 4_000;

export class Sync {
  visitor = new Visitor();
  attempt = 0;
  frames = 0;

  /** `settings` may change; `onForget` hears that another tab has logged in or out. */
  constructor(settings, store, onForget) {
    Object.assign(this, { settings, store, onForget });
    this.become();
    const awake = () => this.isStarted && this.run();
    addEventListener("online", awake);
    addEventListener("pageshow", awake);
    // Another network knows nothing of our line.
    addEventListener("offline", () => {
      this.#disconnect();
      awake();
    });
    // An open socket keeps a page out of the back/forward cache.
    addEventListener("pagehide", () => this.#disconnect());
    addEventListener("storage", ({ key }) => this.#elsewhere(key));
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.hiding);
      if (!document.hidden) awake();
      else this.hiding = setTimeout(() => this.#isNeeded || this.#disconnect(), HIDDEN_MS);
    });
  }

  become() {
    this.visitor.become(this.settings.inbox, this.settings.identity);
    this.#reset();
    if (this.isStarted || this.visitor.token || this.visitor.unsent.length) this.run();
  }

  /** On another page another greeting fits, unless a talk goes on. */
  refresh() {
    if (this.page !== location.href && this.#isOver) this.isOpen = false;
    this.run();
  }

  /** Have a session, all messages, the socket, nothing unsent; again until it works. */
  run() {
    this.isStarted = true;
    this.running ??= this.#run()
      .catch((error) => this.#failed(error))
      .finally(() => (this.running = null));
  }

  /** Say `{text}`, press `{button_id, title}`, or say again what was not sent. */
  say(item) {
    if (item.button_id && !item.at && this.visitor.unsent.some(({ button_id }) => button_id === item.button_id)) return;
    this.visitor.keep({ ...item, page: location.href });
    this.store.changed();
    if (this.isOpen && !this.store.problem) this.#flush();
    else this.run();
  }

  async rate(score, comment) {
    const { conversation } = this.store;
    await this.#call("csat", { conversation_id: conversation.id, score, comment });
    this.store.set({ conversation: { ...conversation, csat: "answered" } });
  }

  typing() {
    this.socket?.send({ type: "typing" });
  }

  /** All has been seen, in every tab; the other side hears of it. */
  see() {
    const { cursor } = this.store;
    if (!isAfter(cursor, this.visitor.seen)) return;
    this.visitor.save({ seen: cursor });
    this.socket?.send({ type: "read", cursor });
  }

  async #run() {
    clearTimeout(this.timer);
    if (!this.isOpen) await this.#open();
    for (let more = true; more; ) {
      const answer = await this.#call(`messages?after=${this.store.cursor}`);
      this.#take(answer.messages, answer);
      ({ more } = answer);
    }
    if (!this.visitor.seen) this.see();
    this.store.set({ isLoaded: true, problem: "" });
    if (!this.socket && (!document.hidden || this.#isNeeded)) this.#connect();
    this.#flush();
  }

  #failed({ status }) {
    if (status === 401) {
      this.isOpen = false;
      this.visitor.token = "";
    }
    if (this.attempt > 1) this.store.set({ problem: status === 401 ? "expired" : "offline" });
    this.#later(status === 429 ? 4 : 0);
  }

  #later(extra = 0) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), Math.min(LONGEST_MS, 1_000 * 2 ** (this.attempt++ + extra)) * (0.5 + Math.random()));
  }

  #reset() {
    this.isOpen = false;
    this.#disconnect();
    this.store.clear();
  }

  async #open() {
    const { inbox, language, identity } = this.settings;
    const { token } = this.visitor;
    const page = (this.page = location.href);
    const answer = await this.#call("session", { inbox, language, identity, page, token }).catch((error) => {
      if (error.status !== 401 || !token) throw error;
    });
    this.isOpen = true;
    // The page's word for its customer may be over while our token is good.
    if (!answer) return;
    this.visitor.save({ token: answer.token });
    this.#take([], answer);
    this.store.set({ company: answer.company });
    if (this.#isOver) this.store.greet(answer.greeting);
  }

  #flush() {
    const send = async ({ text, button_id, client_id, page }) => {
      const { message, conversation } = await this.#call("messages", { client_id, text, button_id, page, language: this.settings.language });
      this.#take([message], { conversation });
      // Should the news of an answer get lost, do not wait for the next ping.
      setTimeout(() => this.store.messages.at(-1)?.id === message.id && this.run(), UNANSWERED_MS);
    };
    this.visitor
      .flush(send)
      .catch((error) => this.#failed(error))
      .finally(() => this.store.changed());
  }

  /** An answer for who has logged in or out meanwhile is not taken. */
  async #call(path, body) {
    const { frames } = this;
    const { id, token } = this.visitor;
    const answer = await call(this.settings.base, path, token, body);
    if (id !== this.visitor.id) throw new Error("another visitor");
    // A frame that came meanwhile is newer.
    if (frames !== this.frames) answer.conversation = null;
    return answer;
  }

  #take(messages, { cursor, conversation }) {
    messages.forEach(({ client_id }) => client_id && this.visitor.done(client_id));
    this.store.add(messages, cursor, conversation);
  }

  #connect() {
    const { token, seen } = this.visitor;
    const hello = { type: "hello", token, after: this.store.cursor, read: seen };
    const lost = () => {
      this.socket = null;
      this.#later();
    };
    this.socket = connect(this.settings.base, hello, (frame) => this.#frame(frame), lost);
  }

  #disconnect() {
    this.socket?.close();
    this.socket = null;
  }

  #frame({ type, message, conversation, sender, cursor }) {
    const { store } = this;
    if (type === "message") this.#take([message], { cursor: cursorOf(message) });
    else if (type === "typing") store.setTyping(sender);
    else if (type === "refused") this.isOpen = false;
    else if (type === "ping") {
      this.socket.send({ type: "pong", cursor: store.cursor });
      if (isAfter(cursor, store.cursor)) this.run();
    } else {
      this.frames += 1;
      if (type === "ready") this.attempt = 0;
      this.#take([], { conversation });
    }
  }

  get #isOver() {
    return /resolved|undefined/.test(this.store.conversation?.status);
  }

  get #isNeeded() {
    return /waiting|agent/.test(this.store.conversation?.status) || this.visitor.unsent.length;
  }

  #elsewhere(key) {
    const { visitor } = this;
    const { id } = visitor;
    if (key === visitor.key) visitor.load();
    if (id !== visitor.id) {
      this.isStarted = false;
      this.#reset();
      this.onForget();
    } else if (visitor.token && !this.isStarted) this.run();
    this.store.changed();
  }
}
