/** <yingda-widget>: launcher, badge and panel. */
import { h, icon } from "./dom.js";
import { Panel } from "./panel.js";
import { Store } from "./store.js";
import { STYLES } from "./styles.js";
import { Sync } from "./sync.js";

const LANGUAGES = ["zh", "en"];

customElements.define(
  "yingda-widget",
  class YingdaWidget extends HTMLElement {
    static observedAttributes = ["data-language", "data-identity", "data-color"];

    connectedCallback() {
      if (this.sync) return;
      const { server, inbox = "website", identity = "" } = this.dataset;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLES);
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      this.count = h("span", { class: "count" });
      this.launcher = h("button", { class: "launcher", "aria-haspopup": "dialog", onclick: () => (this.isOpen ? this.close() : this.open()) }, icon("chat"), icon("close"), this.count);
      this.settings = { base: server, inbox, identity };
      this.store = new Store(() => this.#show(), (message) => this.#tell("message", message));
      this.sync = new Sync(this.settings, this.store, () => this.close());
      this.attributeChangedCallback("data-color");
      this.speaking = this.#speak();
    }

    attributeChangedCallback(name) {
      if (!this.sync) return;
      const { identity = "", color } = this.dataset;
      if (name === "data-color") this.style.setProperty("--accent", color || "#0f6b66");
      if (name === "data-language") this.speaking = this.#speak();
      if (name === "data-identity" && identity !== this.settings.identity) {
        this.settings.identity = identity;
        this.sync.become();
      }
    }

    async open() {
      await this.speaking;
      if (this.isOpen) return;
      this.sync.refresh();
      this.panel.open();
      this.#opened(true);
    }

    close() {
      if (!this.isOpen) return;
      this.panel.node.close();
      this.launcher.focus();
      this.#opened(false);
    }

    logout() {
      this.sync.visitor.forget();
      this.settings.identity = this.dataset.identity = "";
      this.sync.become();
    }

    get isOpen() {
      return Boolean(this.panel?.node.open);
    }

    async #speak() {
      const wishes = [this.dataset.language, document.documentElement.lang, ...navigator.languages].map((wish) => wish?.slice(0, 2).toLowerCase());
      const language = wishes.find((wish) => LANGUAGES.includes(wish)) ?? "en";
      this.settings.language = language;
      const { TEXTS } = await import(`./i18n/${language}.js`);
      const wasOpen = this.isOpen;
      this.panel?.node.remove();
      this.texts = TEXTS;
      this.panel = new Panel(TEXTS, this.sync, () => this.close());
      this.shadowRoot.prepend(this.panel.node, this.launcher);
      if (wasOpen) this.panel.open();
      this.#show();
    }

    #show() {
      if (!this.panel) return;
      const { store, sync, texts, launcher } = this;
      if (this.isOpen) {
        this.panel.show(store, [...sync.visitor.refused, ...sync.visitor.unsent]);
        if (!document.hidden) sync.see();
      }
      const unread = store.unread(sync.visitor.seen);
      this.count.textContent = unread || "";
      launcher.ariaLabel = this.isOpen ? texts.close : texts.open + (unread ? ` (${unread})` : "");
      launcher.ariaExpanded = this.isOpen;
      if (unread !== this.unread) this.#tell("unread", (this.unread = unread));
    }

    #opened(isOpen) {
      this.#show();
      this.#tell(isOpen ? "open" : "close");
    }

    #tell(name, detail) {
      this.dispatchEvent(new CustomEvent(`yingda:${name}`, { detail }));
    }
  },
);
