/** Elements without a framework. Text becomes text nodes only, so data can never become markup. */

/** Make an element: `on…` are listeners, `data` is the dataset, null and false leave a property out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProperty(element, name, value);
  return append(element, children);
}

function setProperty(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(element.dataset, withoutEmpty(value));
  else if (name === "class") element.className = value;
  else if (name === "value") element.value = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

function withoutEmpty(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

const known = new WeakMap();

/**
 * Show `items` as children of `container`, keeping the nodes whose item did not change: focus, selection and scroll survive.
 * An item must be plain data that holds everything `render` shows.
 */
export function keyed(container, items, keyOf, render) {
  const before = known.get(container) ?? new Map();
  const focus = focusInside(container);
  const after = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const signature = JSON.stringify(item);
    const old = before.get(key);
    after.set(key, old?.signature === signature ? old : { signature, node: render(item) });
  }
  for (const [key, entry] of before) if (after.get(key)?.node !== entry.node) entry.node.remove();
  let next = container.firstChild;
  for (const { node } of after.values()) {
    if (node === next) next = next.nextSibling;
    else container.insertBefore(node, next);
  }
  known.set(container, after);
  restoreFocus(after, focus);
}

function focusInside(container) {
  const active = document.activeElement;
  if (!active || !container.contains(active)) return null;
  for (const [key, { node }] of known.get(container) ?? []) {
    if (node.contains(active)) return { key, part: active.dataset.part, active };
  }
  return null;
}

function restoreFocus(entries, focus) {
  if (!focus || document.activeElement === focus.active) return;
  const node = entries.get(focus.key)?.node;
  if (!node) return;
  const target = focus.part ? node.querySelector(`[data-part="${focus.part}"]`) : node;
  target?.focus({ preventScroll: true });
}
