/** Getting an agent's attention: a sound, the number in the title, a notification, a word to the screen reader. */

import { myEntries, record, unread, waitingEntries } from "./conversations.js";
import { language, t, word } from "./i18n.js";
import { nameOf } from "./names.js";
import { prefer, preference } from "./preferences.js";
import { go } from "./router.js";
import { changed, state, watch } from "./store.js";

const NEW_WORK = [660, 880]; // Hz, one after the other
const NEW_MESSAGE = [740];

let audio = null;

/** Browsers allow sound only after the user has touched the page. */
function allowSound() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
}

export function startAlerts() {
  addEventListener("pointerdown", allowSound, { passive: true });
  addEventListener("keydown", allowSound);
  watch(["queue", "record", "session"], showTitle);
}

export const soundIsOn = () => preference("sound") === "on";

export function toggleSound() {
  prefer("sound", soundIsOn() ? "off" : "on");
  changed("alerts");
  if (soundIsOn()) play(NEW_MESSAGE);
}

function play(notes) {
  if (!audio || audio.state !== "running" || !soundIsOn()) return;
  notes.forEach((frequency, index) => {
    const start = audio.currentTime + index * 0.16;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.18, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.32);
  });
}

export const canAskForNotifications = () => "Notification" in globalThis && Notification.permission === "default";

export async function askForNotifications() {
  await Notification.requestPermission();
  changed("alerts");
}

function notify(title, body, onClick) {
  if (!("Notification" in globalThis) || Notification.permission !== "granted" || document.visibilityState === "visible") return;
  try {
    const notification = new Notification(title, { body, tag: title, lang: language() });
    notification.onclick = () => {
      window.focus();
      onClick();
      notification.close();
    };
  } catch {
    // Chrome on Android knows notifications but lets no page make one; the sound has to do
  }
}

/** Somebody waits for an agent. */
export function newWork(escalationId) {
  if (state.presence !== "online") return;
  const entry = waitingEntries().find((waiting) => waiting.escalation_id === escalationId);
  const text = entry ? `${nameOf(entry.customer)} · ${word("reason", entry.reason)}` : t("alert.work");
  play(NEW_WORK);
  announce(`${t("alert.work")} ${entry ? text : ""}`);
  notify(t("alert.work"), text, () => entry && go({ tab: "queue", id: entry.conversation_id, panel: false }));
}

/** A conversation became mine without my claiming it. */
export function givenWork({ conversation_id: id, customer }) {
  const text = t("alert.given", { name: nameOf(customer) });
  play(NEW_WORK);
  announce(text);
  notify(text, "", () => go({ tab: "queue", id, panel: false }));
}

/** A supervisor has to see to something. */
export function supervisorAlert({ kind, conversation_id: id }) {
  const text = word("supervisor", kind);
  play(NEW_WORK);
  announce(text);
  notify(text, "", () => go({ tab: "queue", id, panel: false }));
}

/** A customer of mine wrote; silent while the agent is looking at it. */
export function newMessage(id, message) {
  const looking = document.visibilityState === "visible" && document.hasFocus() && state.route.id === id;
  if (looking) return;
  const name = record(id).customer?.name || nameOf(myEntries().find((entry) => entry.conversation_id === id)?.customer);
  play(NEW_MESSAGE);
  if (state.route.id !== id) announce(t("alert.message", { name }));
  notify(t("alert.message", { name }), message.text.slice(0, 120), () => go({ tab: "queue", id, panel: false }));
}

export function announceMessage(message) {
  if (message.sender === "agent" && message.agent === state.agent?.display_name) return;
  announce(`${word("sender", message.sender)}: ${message.text}`);
}

function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

function showTitle() {
  const waiting = waitingEntries().length;
  const unanswered = myEntries().filter((entry) => unread(entry.conversation_id) > 0).length;
  const count = state.phase === "desk" ? waiting + unanswered : 0;
  document.title = `${count ? `(${count}) ` : ""}${t("app.title")}`;
}
