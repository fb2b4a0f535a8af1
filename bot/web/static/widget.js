/** The one script that a page embeds; its data-* attributes are inbox, language, identity, color, position. */
(() => {
  if (window.Yingda) return;
  const script = document.currentScript ?? document.querySelector("script[src*='widget.js']");
  const base = script.src.replace(/(static\/)?widget\.js.*/, "");
  const element = document.createElement("yingda-widget");
  const copy = () => Object.assign(element.dataset, { identity: "", language: "" }, script.dataset);
  copy();
  new MutationObserver(copy).observe(script, { attributes: true });
  const ready = import(`${base}static/widget/element.js`);
  const call = (name) => () => ready.then(() => element[name]());
  window.Yingda = {
    open: call("open"),
    close: call("close"),
    logout: call("logout"),
    setIdentity: (token) => (script.dataset.identity = token ?? ""),
    /** Events: open, close, message, unread. */
    on: (name, listener) => element.addEventListener(`yingda:${name}`, ({ detail }) => listener(detail)),
  };
  element.dataset.server = base;
  (document.body ?? document.documentElement).append(element);
})();
