/** Making elements. Text only ever becomes a text node, never markup. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) node[name] = value;
    else if (value != null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter(Boolean));
  return node;
}

const PATHS = {
  chat: "m4 20 1-5a8 7 0 1 1 4 3z",
  close: "m6 6 12 12M18 6 6 18",
  person: "M4 20a8 7 0 0 1 16 0M8 8a4 4 0 1 0 8 0 4 4 0 1 0-8 0",
  send: "M12 20V5m-6 6 6-6 6 6",
};

export function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.ariaHidden = true;
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Text and links: http and https only, and only ASCII, since Chinese follows an address without a blank. */
export const linkified = (text) =>
  text.split(/(https?:\/\/[!-~]*[\w/#=&-])/).map((part, index) => (index % 2 ? h("a", { href: part, target: "_blank", rel: "noopener" }, part) : part));

/** A moment in the reader's own way, with the day unless it is today; what is no moment stays as it is. */
export function moment(text) {
  const date = new Date(text);
  if (!/^\d{4}-.*T/.test(text)) return text;
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { ...(!isToday && { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit" });
}
