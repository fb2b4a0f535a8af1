/** Who is at the desk: log-in, log-out, and a session that ended under way. */

import * as api from "./api.js";
import { forgetConversations } from "./conversations.js";
import { claimDrafts, forgetDrafts } from "./drafts.js";
import { changed, state } from "./store.js";

let onEnter = () => {};
let onLeave = () => {};

/** Set what starts and stops with the session. */
export function aroundSession({ enter, leave }) {
  onEnter = enter;
  onLeave = leave;
}

/** Continue the session of the cookie, if there is one. */
export async function resume() {
  state.phase = "loading";
  changed("session");
  try {
    enter(await api.me());
  } catch (error) {
    if (error.status === 401) show("login");
    else show("broken");
  }
}

export async function login(username, password) {
  enter(await api.login(username, password));
}

export async function logout() {
  await api.logout();
  forgetDrafts();
  forgetConversations();
  state.agent = null;
  show("login");
  onLeave();
}

/** An answer said 401: back to the log-in, with drafts and unsent replies kept for the same agent. */
export function sessionLost() {
  if (state.phase !== "desk") return;
  show("login");
  onLeave();
}

function enter({ agent }) {
  if (claimDrafts(agent.id)) forgetConversations();
  state.agent = agent;
  show("desk");
  onEnter();
}

function show(phase) {
  state.phase = phase;
  changed("session");
}
