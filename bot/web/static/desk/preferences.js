/** What this browser remembers about how its agent likes the desk. */

const PREFIX = "yingda.desk.";
const DEFAULTS = { language: "", sound: "on", intents: "on" };

export function preference(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? DEFAULTS[name];
  } catch {
    return DEFAULTS[name]; // storage is switched off: everything works, nothing is remembered
  }
}

export function prefer(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    DEFAULTS[name] = value;
  }
}
