/** The bar on top: who I am, whether I take work, sound, language, help. */

import { askForNotifications, canAskForNotifications, soundIsOn, toggleSound } from "./alerts.js";
import { company } from "./company.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { help } from "./keyboard.js";
import { languageSwitch } from "./language_switch.js";
import { logout } from "./session.js";
import { state, watch } from "./store.js";
import { toast } from "./toast.js";
import { isBusy, sentence, setPresence } from "./work.js";

export function header({ signal, redraw }) {
  return h("header", { class: "header" },
    h("div", { class: "brand" }, h("span", { class: "brand-mark", "aria-hidden": "true" }, "应"), h("span", { class: "brand-name" }, company())),
    h("div", { class: "header-tools" },
      presenceChoice(signal),
      soundButton(signal),
      iconButton("help", t("help.title"), help, "help-button"),
      languageSwitch(redraw),
      h("div", { class: "me" },
        h("span", { class: "me-name" }, state.agent.display_name),
        state.agent.role === "supervisor" && h("span", { class: "me-role" }, word("role", state.agent.role))),
      iconButton("exit", t("header.logout"), leave)));
}

async function leave() {
  try {
    await logout();
  } catch (error) {
    toast(sentence(error, "logout"), "error");
  }
}

function iconButton(name, label, onclick, extra = "") {
  return h("button", { class: `icon-button ${extra}`, "aria-label": label, title: label, onclick }, icon(name));
}

const PRESENCES = ["online", "away", "finishing", "off"]; // bot/escalations/staff.py

function presenceChoice(signal) {
  const choice = h("select", { class: "presence", "aria-label": t("header.presence"), onchange: () => setPresence(choice.value) },
    PRESENCES.map((presence) => h("option", { value: presence }, word("presence", presence))));
  watch(["presence", "busy"], () => {
    choice.value = state.presence;
    choice.dataset.presence = state.presence;
    choice.title = word("presence_hint", state.presence);
    choice.disabled = isBusy("presence");
  }, signal);
  return choice;
}

/** Sound on or off; the first press also asks for notifications where that is possible. */
function soundButton(signal) {
  const place = h("span", { class: "header-alerts" });
  watch(["alerts"], () => {
    const on = soundIsOn();
    const sound = h("button", { class: "icon-button", "aria-pressed": String(on), "aria-label": t("header.sound"),
      title: t(on ? "header.sound_on" : "header.sound_off"), onclick: toggleSound, data: { part: "sound" } }, icon(on ? "sound" : "mute"));
    const bell = canAskForNotifications() && iconButton("bell", t("header.notify"), askForNotifications, "bell");
    const focused = place.contains(document.activeElement);
    fill(place, sound, bell);
    if (focused) sound.focus();
  }, signal);
  return place;
}
