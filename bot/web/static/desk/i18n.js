/** Words: two mirrored tables, `desk.zh.json` and `desk.en.json`. */

import { prefer, preference } from "./preferences.js";

export const LANGUAGES = ["zh", "en"];

let texts = {};
let current = "zh";
let plurals = new Intl.PluralRules("zh");

export const language = () => current;
export const locale = () => (current === "zh" ? "zh-CN" : "en-GB");

export function preferredLanguage() {
  const chosen = preference("language") || navigator.language || "";
  return chosen.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Load a language's table and use it from now on. */
export async function useLanguage(code) {
  const address = new URL(`../i18n/desk.${code}.json`, import.meta.url);
  const response = await fetch(address, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${address.pathname} answered ${response.status}`);
  texts = await response.json();
  current = code;
  plurals = new Intl.PluralRules(code);
  document.documentElement.lang = locale();
}

export async function switchLanguage(code) {
  await useLanguage(code);
  prefer("language", code);
}

/** Return the sentence of a key with its `{names}` filled in; `n` also chooses the singular, `key.one`. */
export function t(key, values = {}) {
  const singular = values.n !== undefined && plurals.select(Number(values.n)) === "one" && texts[`${key}.one`];
  const text = singular || texts[key] || key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const hasText = (key) => key in texts;

/** Return the word for a value from a closed set (`reason`, `priority`, …); an unknown value stands for itself. */
export function word(group, value) {
  return texts[`${group}.${value}`] ?? String(value ?? "").replaceAll("_", " ");
}

/** Return this language's side of a `{zh, en}` pair. */
export function side(pair) {
  return pair?.[current] || pair?.en || pair?.zh || pair?.key || "";
}
