/** The panel: a dialog beside the page, on a phone a modal one that fills it. */
import { h } from "./dom.js";
import { Log } from "./log.js";

const MOST = 4_000;
const phone = matchMedia("(max-width: 480px), (max-height: 480px)");

function composer(texts, sync) {
  let typedAt = 0;
  const hint = h("p", { class: "hint", role: "status" });
  const button = h("button", { class: "send", disabled: true, "aria-label": texts.send }, "↑");
  const input = h("textarea", { rows: 1, placeholder: texts.placeholder, "aria-label": texts.placeholder, enterkeyhint: "send" });
  const fit = () => {
    input.style.height = 0;
    input.style.height = `${input.scrollHeight}px`;
    const { length } = [...input.value.trim()];
    button.disabled = !length || length > MOST;
    hint.textContent = length > MOST ? texts.limit(length, MOST) : "";
  };
  const onsubmit = (event) => {
    event.preventDefault();
    if (button.disabled) return;
    sync.say({ text: input.value.trim() });
    input.value = "";
    fit();
    input.focus();
  };
  input.onkeydown = (event) => {
    // An input method takes its suggestion over with Enter; Safari tells that by code 229.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) onsubmit(event);
  };
  input.oninput = () => {
    fit();
    if (Date.now() - typedAt < 3_000) return;
    typedAt = Date.now();
    sync.typing();
  };
  return [h("form", { onsubmit }, hint, h("div", { class: "field" }, input, button)), input];
}

export class Panel {
  constructor(texts, sync, close) {
    const say = (item) => {
      sync.say(item);
      this.focus();
    };
    const press = ({ id, title }) => say({ button_id: id, title });
    const button = (id, title) => h("button", { class: id, onclick: () => press({ id, title }) }, title);
    const [form, input] = composer(texts, sync);
    Object.assign(this, { texts, input });
    this.context = { texts, press, retry: say, rate: (score, comment) => sync.rate(score, comment).then(() => this.focus()) };
    this.log = new Log(texts);
    this.title = h("h2", { id: "title" });
    this.human = button("human", texts.toHuman);
    this.bot = button("bot", texts.toBot);
    this.line = h("span", { role: "status" });
    this.status = h("div", { class: "status" }, this.line, this.bot);
    const shut = h("button", { class: "close", "aria-label": texts.close, onclick: close }, "×");
    this.node = h(
      "dialog",
      { class: "panel", lang: texts.tag, tabindex: -1, "aria-labelledby": "title" },
      h("header", null, h("span", { class: "avatar" }), this.title, this.human, shut),
      this.status,
      this.log.node,
      h("footer", null, form),
    );
    this.node.onkeydown = (event) => {
      // No shortcut of the page.
      event.stopPropagation();
      if (event.key === "Escape" && !event.isComposing) close();
    };
    this.node.oncancel = (event) => {
      event.preventDefault();
      close();
    };
    // iOS lays its keyboard over the page.
    visualViewport.addEventListener("resize", () => {
      this.node.style.cssText = `--top: ${visualViewport.offsetTop}px; --height: ${visualViewport.height}px`;
    });
  }

  open() {
    this.node.close();
    this.node[phone.matches ? "showModal" : "show"]();
    this.log.toEnd();
    this.focus();
  }

  /** What was pressed goes. A touch keyboard would cover the log. */
  focus() {
    (matchMedia("(pointer: coarse)").matches ? this.node : this.input).focus();
  }

  show(store, unsent) {
    const { texts, status, bot, human, line } = this;
    const { conversation } = store;
    const isGreeted = conversation?.id === store.known.get("")?.conversation_id;
    const state = store.problem || (!isGreeted && conversation?.status);
    const { queue } = conversation ?? {};
    const waiting = queue ? texts.waiting(queue.position, queue.wait_minutes) : texts.nobody;
    const text = { waiting, agent: texts.served(conversation?.agent) }[state] ?? texts[state] ?? "";
    if (line.textContent !== text) line.textContent = text;
    status.hidden = state === "bot" || !state;
    status.dataset.kind = state;
    bot.hidden = state !== "waiting";
    human.hidden = /waiting|agent/.test(conversation?.status);
    this.title.textContent = store.company?.[texts.tag.slice(0, 2)] ?? texts.title;
    this.log.node.ariaLive = store.isLoaded ? "polite" : "off";
    this.log.show(store, unsent, this.context);
  }
}
