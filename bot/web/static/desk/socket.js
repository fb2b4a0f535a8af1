/** One WebSocket that comes back by itself: exponential back-off with jitter, and a watchdog for lines that died silently. */

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const SILENCE_MS = 30000; // the server pings every 10 s: three missed

export class DeskSocket {
  /** `hello()` makes the first frame; `onState` hears connecting, online, offline; `onFrame` every other frame. */
  constructor({ hello, onFrame, onState }) {
    Object.assign(this, { hello, onFrame, onState });
    this.failures = 0;
    this.wanted = false;
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.drop());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
  }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.failures = 0;
    this.connect();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    this.line?.close();
    this.line = null;
  }

  send(frame) {
    if (this.line?.readyState === WebSocket.OPEN) this.line.send(JSON.stringify(frame));
  }

  connect() {
    clearTimeout(this.retry);
    this.onState("connecting");
    const line = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/desk`);
    this.line = line;
    this.listenForSilence();
    line.onopen = () => line.send(JSON.stringify(this.hello()));
    line.onmessage = (event) => this.line === line && this.receive(event.data);
    line.onclose = () => this.line === line && this.lost();
  }

  receive(data) {
    this.listenForSilence();
    const frame = JSON.parse(data);
    if (frame.type === "ping") return this.send({ type: "pong" });
    if (frame.type === "ready") {
      this.failures = 0;
      this.onState("online");
    }
    return this.onFrame(frame);
  }

  listenForSilence() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.drop(), SILENCE_MS);
  }

  /** Give a line up without waiting for it to close properly. */
  drop() {
    const line = this.line;
    if (!line) return;
    this.lost();
    line.close();
  }

  lost() {
    clearTimeout(this.watchdog);
    this.line = null;
    if (!this.wanted) return;
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    this.failures += 1;
    this.onState("offline");
    this.retry = setTimeout(() => this.connect(), longest * (0.5 + Math.random() / 2));
  }

  /** The network or the agent is back: do not wait for the timer. */
  hurry() {
    if (this.wanted && !this.line) this.connect();
  }
}
