/** The log: an entry is drawn again only when it changed; who reads at the end stays there. */
import { h } from "./dom.js";

const NEAR_PX = 80;

const link = (href, inside) => h("a", { href, target: "_blank" }, inside);

/** Text and links: only ASCII, since Chinese follows an address without a blank. */
const linkified = (text) => text.split(/(https?:\/\/[!-~]*[\w/#=&-])/).map((part, index) => (index % 2 ? link(part, part) : part));

/** A moment in the reader's own way; what is none stays as it is. */
function moment(text) {
  const date = new Date(text);
  if (!/^\d{4}-.*T/.test(text)) return text;
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { ...(!isToday && { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit" });
}

const bubble = (inside) => inside && h("div", { class: "bubble" }, inside);
/** A picture, or a name. */
const file = ({ url, name, image }) => bubble(link(url, image ? h("img", { src: url, alt: name }) : name));
const chips = (buttons, press) =>
  h("div", { class: "chips" }, buttons.map((button) => h("button", { class: "chip", onclick: () => press(button) }, button.title)));

/** A card that is nothing but a choice is one large button. */
function card({ title, subtitle, badge, rows, steps, buttons: all }, isLive, press) {
  const buttons = isLive ? all : [];
  const [only] = buttons.length === 1 && !steps.length && rows.length < 2 ? buttons : [];
  return h(
    only ? "button" : "div",
    only ? { class: "card choice", title: only.title, onclick: () => press(only) } : { class: "card" },
    h("b", null, title),
    h("span", { class: "badge" }, badge),
    h("small", null, subtitle),
    h("dl", null, rows.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    h("ol", null, steps.map(([time, text]) => h("li", null, text, h("small", null, moment(time))))),
    !only && chips(buttons, press),
  );
}

/** A bot is always marked as one, a person has a name. */
function message({ sender, agent, text, created_at, attachments, cards, buttons, skippable, csat, isFirst, isOpen, isLive }, { texts, press, rate }) {
  const replies = (buttons ?? []).concat(skippable ? { id: "skip", title: texts.skip } : []);
  const who = h("span", { class: sender === "customer" ? "unseen" : "tag" }, texts[sender]);
  const meta = h("div", { class: isFirst ? "meta" : "unseen" }, h("b", null, agent), who, h("time", null, moment(created_at)));
  return h(
    "div",
    { class: `entry ${sender}` },
    sender !== "system" && meta,
    bubble(text && linkified(text)),
    attachments?.map(file),
    cards?.map((item) => card(item, isLive, press)),
    isOpen && chips(replies, press),
    csat && rating(texts, rate),
  );
}

function unsent({ item, isFailed }, { texts, retry }) {
  const note = item.refused ? texts.refused : texts.unsent;
  const state = isFailed ? h("button", { class: "note", onclick: () => retry(item) }, note) : h("small", null, texts.sending);
  return h("div", { class: "entry customer" }, bubble(linkified(item.text ?? item.title)), state);
}

const typing = ({ agent }, { texts }) =>
  h("div", { class: "entry" }, h("div", { class: "bubble" }, h("i"), h("i"), h("i"), h("span", { class: "unseen" }, agent, texts.typing)));

const read = (_, { texts }) => h("small", { class: "entry customer", "aria-live": "off" }, texts.read);

function rating(texts, rate) {
  const word = h("small", { role: "status" });
  const comment = h("textarea", { rows: 2, maxlength: 1000, placeholder: texts.comment, "aria-label": texts.comment });
  const submit = h("button", { class: "primary" }, texts.submit);
  const rest = h("div", { hidden: true }, comment, submit);
  const choose = ({ target }) => {
    word.textContent = texts.scores[target.value - 1];
    rest.hidden = false;
  };
  const star = (name, index) => h("label", { title: name }, h("input", { type: "radio", name: "score", value: index + 1, "aria-label": name, onchange: choose }), "★");
  const onsubmit = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    await rate(Number(form.elements.score.value), comment.value).catch(() => (word.textContent = texts.failed));
    submit.disabled = false;
  };
  const form = h("form", { class: "card csat", onsubmit }, h("fieldset", null, h("legend", null, texts.csat), texts.scores.map(star)), word, rest);
  return form;
}

/** What to show: [key, draw, data]. */
function* entriesOf({ messages, conversation, typing: typist, problem }, waiting) {
  const status = conversation?.status;
  const lastSaid = waiting.length ? Infinity : messages.findLastIndex(({ sender }) => sender === "customer");
  for (const [index, item] of messages.entries()) {
    const before = messages[index - 1];
    const isFirst = item.sender !== before?.sender || item.agent !== before.agent;
    const isNow = item.conversation_id === conversation?.id;
    const isLive = status !== "agent" && (!item.id || (isNow && status !== "resolved"));
    const csat = item.csat && isNow && conversation.csat === "asked";
    yield [item.client_id ?? item.id, message, { ...item, isFirst, isLive, isOpen: isLive && index > lastSaid, csat }];
    if (index === lastSaid && isNow && item.seq <= conversation.agent_read_seq) yield ["read", read, 0];
  }
  for (const item of waiting) yield [item.client_id, unsent, { item, isFailed: problem || item.refused }];
  if (typist) yield ["typing", typing, { agent: typist === "agent" && conversation?.agent }];
}

export class Log {
  drawn = new Map();
  isAtEnd = true;

  constructor(texts) {
    this.list = h("div", { class: "entries" });
    this.node = h("div", { class: "log", role: "log", tabindex: 0, "aria-label": texts.title }, this.list);
    this.node.onscroll = () => {
      const { scrollTop, clientHeight, scrollHeight } = this.node;
      // Only who scrolls up leaves the end.
      this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX || (this.isAtEnd && scrollTop >= this.top);
      this.top = scrollTop;
    };
    const observer = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    observer.observe(this.node);
    observer.observe(this.list);
  }

  show(store, waiting, context) {
    const before = this.drawn;
    this.drawn = new Map();
    for (const [key, draw, data] of entriesOf(store, waiting)) {
      const signature = JSON.stringify(data);
      const old = before.get(key);
      this.drawn.set(key, old?.signature === signature ? old : { signature, node: draw(data, context) });
      if (draw === unsent && !old) this.isAtEnd = true;
    }
    const nodes = [...this.drawn.values()].map(({ node }) => node);
    const { children } = this.list;
    [...children].forEach((node) => nodes.includes(node) || node.remove());
    nodes.forEach((node, index) => children[index] !== node && this.list.insertBefore(node, children[index]));
  }

  /** A greeting alone is read from its beginning. */
  toEnd() {
    this.node.scrollTop = this.drawn.size > 1 ? this.node.scrollHeight : 0;
  }
}
