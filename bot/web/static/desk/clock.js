/** Times for people: local, and counted by the server's clock even where this machine's is wrong. */

import { locale, t } from "./i18n.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SKEW_NOTICED = 5 * SECOND; // the Date header has whole seconds, and the answer travelled

let skew = 0;

export const now = () => Date.now() + skew;

/** Learn the server's clock from an answer's Date header. */
export function learnServerTime(header) {
  const difference = Date.parse(header ?? "") - Date.now();
  if (Number.isFinite(difference)) skew = Math.abs(difference) > SKEW_NOTICED ? difference : 0;
}

const pad = (number) => String(number).padStart(2, "0");

/** A running time such as 3:07 or 1:02:45, for something that waits. */
const elapsed = (since) => running(Math.max(0, now() - Date.parse(since)));

function running(age) {
  const seconds = Math.floor(age / SECOND);
  if (age >= DAY) return t("time.days", { n: Math.floor(age / DAY) });
  const clock = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return age >= HOUR ? `${Math.floor(age / HOUR)}:${clock}` : clock.replace(/^0/, "");
}

const waitedSeconds = (since) => Math.max(0, now() - Date.parse(since)) / SECOND;

/** How long ago, roughly. */
export function ago(time) {
  const age = Math.max(0, now() - Date.parse(time));
  if (age < MINUTE) return t("time.now");
  if (age < HOUR) return t("time.minutes_ago", { n: Math.floor(age / MINUTE) });
  if (age < DAY) return t("time.hours_ago", { n: Math.floor(age / HOUR) });
  return shortDate(time);
}

export function timeOfDay(time) {
  return new Date(time).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", hour12: false });
}

export function fullTime(time) {
  return new Date(time).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "medium", hour12: false });
}

export function shortDate(time) {
  const date = new Date(time);
  const year = date.getFullYear() === new Date(now()).getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(locale(), { year, month: "short", day: "numeric" });
}

export function day(time) {
  const date = new Date(time).toDateString();
  if (date === new Date(now()).toDateString()) return t("time.today");
  if (date === new Date(now() - DAY).toDateString()) return t("time.yesterday");
  return new Date(time).toLocaleDateString(locale(), { year: "numeric", month: "long", day: "numeric", weekday: "short" });
}

const LONG_WAIT_S = 120; // amber, then red: a customer's patience, not a contract
const TOO_LONG_WAIT_S = 300;

/** Show what is left of a promised time, then by how much it is over. */
function countdown(element) {
  const left = Date.parse(element.dataset.due) - now();
  element.textContent = `${left < 0 ? "+" : "−"}${running(Math.abs(left))}`;
  element.classList.toggle("long", left >= 0 && element.dataset.warned === "true");
  element.classList.toggle("too-long", left < 0);
}

/** Keep every `data-since` (running), `data-due` (countdown) and `data-ago` (rough) element of the page up to date. */
export function startTicking() {
  setInterval(tick, SECOND);
}

export function tick(root = document) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const waited = waitedSeconds(element.dataset.since);
    element.textContent = elapsed(element.dataset.since);
    element.classList.toggle("long", waited >= LONG_WAIT_S && waited < TOO_LONG_WAIT_S);
    element.classList.toggle("too-long", waited >= TOO_LONG_WAIT_S);
  }
  for (const element of root.querySelectorAll("[data-due]")) countdown(element);
  for (const element of root.querySelectorAll("[data-ago]")) element.textContent = ago(element.dataset.ago);
}
