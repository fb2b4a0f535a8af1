/** The look. The accent colour's luminance (y) decides what can be read on and beside it (WCAG AA). */
export const STYLES = `
:host {
  all: initial; position: fixed; z-index: 2147483000; bottom: 24px; right: 24px; color-scheme: light dark;
  font: 15px/1.5 system-ui, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  --on: clamp(0, (.18 - y) * 999, 1);
  --on-accent: color(from var(--accent) xyz var(--on) var(--on) var(--on));
  --dim: min(1, .15 / y);
  --link: color(from var(--accent) xyz calc(x * var(--dim)) calc(y * var(--dim)) calc(z * var(--dim)));
  --surface: #fff; --ground: #f5f6f8; --text: #18202b; --muted: #596473; --line: #e0e4e9; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :host {
    --link: oklch(from var(--accent) max(l, .76) c h);
    --surface: #171c23; --ground: #0e1218; --text: #e6eaf0; --muted: #9ba7b6; --line: #2d3540; --bad: #ff9b92;
  }
}
* { box-sizing: border-box; margin: 0; padding: 0; font: inherit; color: inherit; }
[hidden], :empty:is(.count, .chips, .card > *, b) { display: none !important; }
.unseen { position: absolute; clip-path: inset(50%); }
button, .card, textarea, .field { border: 1px solid var(--line); border-radius: 20px; background: var(--surface); }
button { cursor: pointer; }
button:hover { background: var(--ground); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
b, h2, legend, .human { font-weight: 600; }
small, .meta, .system { color: var(--muted); }
small, .meta, .badge, .system, .human, .status, .note, .count { font-size: 13px; }
.launcher, .avatar, .send, .primary, .customer .bubble, .agent .tag { border: 0; background: var(--accent) !important; color: var(--on-accent); }
.launcher, .avatar, .send, .close { display: grid; place-items: center; flex: none; width: 36px; height: 36px; border-radius: 12px; }
.launcher, .send { border-radius: 50%; }
.launcher { position: relative; width: 58px; height: 58px; }
.launcher, .panel { box-shadow: 0 8px 32px #0003; }
.launcher::before, .avatar::before { content: ""; width: 20px; height: 16px; border: 2px solid; border-radius: 8px 8px 8px 1px; }
.launcher::before { scale: 1.3; }
.close, .send, [aria-expanded=true] { font-size: 24px; line-height: 1; }
[aria-expanded=true]::before { content: "×"; height: auto; border: 0; }
.count { position: absolute; top: -3px; right: -3px; min-width: 22px; border-radius: 11px; background: #c62828; color: #fff; line-height: 22px; }
.panel { position: fixed; inset: auto 24px 96px auto; width: 384px; height: min(640px, 100dvh - 120px); border: 0; border-radius: 18px;
  overflow: hidden; background: var(--surface); color: var(--text); outline: 0; animation: rise .2s; }
:host([data-position=left]), :host([data-position=left]) .panel { right: auto; left: 24px; }
.panel[open], .entry { display: flex; flex-direction: column; }
@keyframes rise { 0% { opacity: 0; transform: translateY(12px); } }
header, .status, .field, .meta { display: flex; align-items: center; gap: 8px; }
header, .status { padding: 12px 12px 12px 16px; border-bottom: 1px solid var(--line); }
h2, .status span, .log { flex: 1; }
h2 { line-height: 1.25; }
.human { min-height: 36px; padding: 4px 14px; }
.human, .chip, .status button { flex: none; color: var(--link); }
.status { padding-block: 8px; background: var(--ground); }
.status button, .tag { padding: 2px 10px; }
.status::before, i { content: ""; width: 8px; height: 8px; border-radius: 50%; background: #d98200; }
[data-kind=agent]::before { background: #1d9a5b; }
[data-kind=waiting]::before, i { animation: pulse 1.4s infinite; }
@keyframes pulse { 50% { opacity: .25; } }
.log { overflow-y: auto; overscroll-behavior: contain; background: var(--ground); }
.log:focus-visible { outline-offset: -2px; }
.entries { display: grid; gap: 8px; padding: 16px; }
.entry { align-items: flex-start; gap: 8px; min-width: 0; }
.meta { margin: 8px 0 -4px; }
.tag { border-radius: 10px; background: var(--line); color: var(--text); }
.bubble { max-width: 88%; padding: 9px 14px; border-radius: 4px 16px 16px; background: var(--surface); white-space: pre-wrap; overflow-wrap: anywhere; }
.bubble a { color: var(--link); }
img { max-width: 100%; }
.customer { align-items: flex-end; }
.customer .bubble { border-radius: 16px 16px 4px; }
.system .bubble { margin: auto; padding: 0; background: none; text-align: center; }
.note, .hint { color: var(--bad); }
.note { border: 0; background: none; text-decoration: underline; }
i { display: inline-block; margin: 4px 2px 0; background: var(--muted); }
i + i { animation-delay: .2s; }
.chips { display: flex; flex-wrap: wrap; gap: 8px; }
.card .chips { margin-top: 6px; }
.chip { min-height: 36px; padding: 6px 14px; }
.chip, .card { font-size: 14px; }
.card { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; width: 100%; padding: 10px 14px; border-radius: 14px; text-align: start; }
.card > :not(b, .badge) { grid-column: 1 / -1; }
.badge, .choice b { color: var(--link); }
dl div { display: flex; justify-content: space-between; gap: 16px; }
dt { color: var(--muted); }
dd { text-align: end; }
li { display: grid; margin-top: 8px; padding-left: 14px; border-left: 2px solid var(--line); list-style: none; }
li:first-child { border-color: var(--link); }
.csat { text-align: center; }
label { position: relative; display: inline-block; width: 44px; color: var(--line); font-size: 30px; -webkit-text-stroke: 1px #b36b00; }
label:has(~ label :checked, :checked) { color: #b36b00; }
label:has(:focus-visible) { outline: 2px solid var(--link); }
input { position: absolute; inset: 0; opacity: 0; cursor: pointer; }
.primary { width: 100%; min-height: 40px; margin-top: 8px; }
textarea { width: 100%; max-height: 130px; padding: 6px 12px; font-size: 16px; resize: none; }
footer { padding: 10px 12px calc(12px + env(safe-area-inset-bottom)); }
.field { align-items: flex-end; gap: 0; padding: 3px; border-radius: 22px; }
.field:focus-within { outline: 2px solid var(--link); }
.field textarea { outline: 0; }
.close, fieldset, .field textarea { border: 0; }
.send:disabled { opacity: .4; }
@media (max-width: 480px), (max-height: 480px) {
  .panel { inset: var(--top, 0) 0 auto !important; width: 100vw; max-width: none; height: var(--height, 100dvh); max-height: none; border-radius: 0; padding-top: env(safe-area-inset-top); }
  .close { width: 44px; height: 44px; }
}
@media (prefers-reduced-motion) {
  * { animation: none !important; }
}
`;
