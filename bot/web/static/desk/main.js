/** The desk's beginning: words, route, session, and which screen is shown. */

import { startAlerts } from "./alerts.js";
import { whenSessionIsLost } from "./api.js";
import { startTicking } from "./clock.js";
import { fill, h } from "./dom.js";
import { preferredLanguage, t, useLanguage } from "./i18n.js";
import { startKeyboard } from "./keyboard.js";
import { loginView } from "./login_view.js";
import { restore } from "./outbox.js";
import { startRouter } from "./router.js";
import { aroundSession, resume, sessionLost } from "./session.js";
import { shell } from "./shell.js";
import { state, watch } from "./store.js";
import { startSync, stopSync } from "./sync.js";

const app = document.getElementById("app");
let views = new AbortController(); // ends what the shown screen watches
let shown = "";

const screens = {
  loading: () => h("p", { class: "splash", role: "status" }, t("app.loading")),
  broken: () =>
    h("div", { class: "splash", role: "alert" }, h("p", {}, t("error.unreachable")),
      h("button", { class: "button primary", onclick: resume }, t("action.retry"))),
  login: (signal) => loginView({ signal, redraw }),
  desk: (signal) => shell({ signal, redraw }),
};

function draw() {
  if (shown === state.phase) return;
  shown = state.phase;
  views.abort();
  views = new AbortController();
  fill(app, screens[state.phase](views.signal));
}

/** Show the same screen anew: the language has changed. */
function redraw() {
  shown = "";
  draw();
}

await useLanguage(preferredLanguage());
startRouter();
restore();
whenSessionIsLost(sessionLost);
aroundSession({ enter: startSync, leave: stopSync });
watch(["session"], draw);
startAlerts();
startKeyboard();
startTicking();
await resume();
