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

/** Text and links: only ASCII, since Chinese follows an address without a blank. */
export const linkified = (text) =>
  text.split(/(https?:\/\/[!-~]*[\w/#=&-])/).map((part, index) => (index % 2 ? h("a", { href: part, target: "_blank", rel: "noopener" }, part) : part));

/** A moment in the reader's own way; what is none stays as it is. */
export function moment(text) {
  const date = new Date(text);
  if (!/^\d{4}-.*T/.test(text)) return text;
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { ...(!isToday && { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit" });
}
