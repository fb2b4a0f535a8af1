/** The log-in, with errors that say what to do. */

import { company } from "./company.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";
import { languageSwitch } from "./language_switch.js";
import { login } from "./session.js";
import { state } from "./store.js";

export function loginView({ signal, redraw }) {
  const returning = state.agent !== null;
  const username = h("input", { id: "username", name: "username", class: "input", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
    required: true, value: returning ? state.agent.username : "" });
  const password = h("input", { id: "password", name: "password", class: "input", type: "password", autocomplete: "current-password", required: true });
  const problem = h("div", { class: "login-problem", role: "alert" });
  const submit = h("button", { class: "button primary wide" }, t("login.submit"));
  const say = (text) => fill(problem, text && h("p", {}, icon("alert"), text));

  async function enter(event) {
    event.preventDefault();
    say("");
    submit.disabled = true;
    submit.textContent = t("login.busy");
    try {
      await login(username.value.trim(), password.value);
    } catch (error) {
      submit.textContent = t("login.submit");
      submit.disabled = false;
      if (error.status === 429) return waitFor(error.retryAfter || 60);
      say(explain(error));
      if (!error.unreachable) password.select();
    }
    return undefined;
  }

  /** Too many tries: count the seconds down and let the agent try again then. */
  function waitFor(seconds) {
    const until = Date.now() + seconds * 1000;
    const timer = setInterval(step, 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
    function step() {
      const left = Math.ceil((until - Date.now()) / 1000);
      submit.disabled = left > 0;
      if (left <= 0) clearInterval(timer);
      say(left > 0 ? t("login.too_many", { time: minutes(left) }) : "");
    }
    step();
  }

  const form = h("form", { class: "login-card", onsubmit: enter, "aria-labelledby": "login-title" },
    h("h1", { id: "login-title" }, t("login.title")),
    h("p", { class: "login-company" }, company()),
    returning && h("p", { class: "login-again" }, t("login.again")),
    field("username", t("login.username"), username),
    field("password", t("login.password"), password),
    problem, submit);
  requestAnimationFrame(() => (returning ? password : username).focus());
  return h("main", { class: "login" },
    h("div", { class: "login-top" }, h("span", { class: "brand" }, h("span", { class: "brand-mark" }, "应"), "Yingda 应答"), languageSwitch(redraw)),
    form);
}

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

function field(id, label, input) {
  return h("div", { class: "field" }, h("label", { for: id }, label), input);
}

function explain(error) {
  if (error.unreachable) return t("error.unreachable");
  if ([400, 401, 403].includes(error.status)) return t("login.wrong");
  return t("error.other", { message: error.message });
}
