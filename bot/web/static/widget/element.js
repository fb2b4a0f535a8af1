/** <yingda-widget>: launcher, badge and panel. */
import { h } from "./dom.js";
import { Panel } from "./panel.js";
import { Store } from "./store.js";
import { STYLES } from "./styles.js";
import { Sync } from "./sync.js";

class YingdaWidget extends HTMLElement {
  static observedAttributes = ["data-language", "data-identity", "data-color"];

  connectedCallback() {
    if (this.sync) return;
    const { server, inbox = "website", identity = "" } = this.dataset;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.count = h("span", { class: "count" });
    const toggle = () => (this.isOpen ? this.close() : this.open());
    this.launcher = h("button", { class: "launcher", "aria-haspopup": "dialog", onclick: toggle }, this.count);
    this.settings = { base: server, inbox, identity };
    this.store = new Store(() => this.#show(), (message) => this.#tell("message", message));
    this.sync = new Sync(this.settings, this.store, () => this.close());
    this.attributeChangedCallback("data-color");
    this.attributeChangedCallback("data-language");
  }

  attributeChangedCallback(name) {
    if (!this.sync) return;
    const { identity = "", color } = this.dataset;
    if (name === "data-color") this.style.setProperty("--accent", color || "#0f6b66");
    if (name === "data-language") this.ready = this.#speak();
    if (name === "data-identity" && identity !== this.settings.identity) {
      this.settings.identity = identity;
      this.sync.become();
    }
  }

  async open() {
    await this.ready;
    if (this.isOpen) return;
    this.sync.refresh();
    this.panel.open();
    this.#show();
    this.#tell("open");
  }

  close() {
    if (!this.isOpen) return;
    this.panel.node.close();
    this.launcher.focus();
    this.#show();
    this.#tell("close");
  }

  logout() {
    this.sync.visitor.forget();
    this.settings.identity = this.dataset.identity = "";
    this.sync.become();
  }

  get isOpen() {
    return this.panel?.node.open;
  }

  async #speak() {
    const wishes = [this.dataset.language, document.documentElement.lang, ...navigator.languages, "en"];
    const language = wishes.find((wish) => /^(zh|en)/i.test(wish)).slice(0, 2).toLowerCase();
    this.settings.language = language;
    const { TEXTS } = await import(`./i18n/${language}.js`);
    const { isOpen } = this;
    this.panel?.node.remove();
    this.texts = TEXTS;
    this.panel = new Panel(TEXTS, this.sync, () => this.close());
    this.shadowRoot.prepend(this.panel.node, this.launcher);
    if (isOpen) this.panel.open();
    this.#show();
  }

  #show() {
    if (!this.panel) return;
    const { isOpen, store, sync, texts, launcher } = this;
    if (isOpen) this.panel.show(store, [...sync.visitor.refused, ...sync.visitor.unsent]);
    if (isOpen && !document.hidden) sync.see();
    const unread = store.unread(sync.visitor.seen);
    this.count.textContent = unread || "";
    launcher.ariaLabel = isOpen ? texts.close : texts.open + (unread ? ` (${unread})` : "");
    launcher.ariaExpanded = isOpen;
    if (unread !== this.unread) this.#tell("unread", (this.unread = unread));
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`yingda:${name}`, { detail }));
  }
}

customElements.define("yingda-widget", YingdaWidget);
