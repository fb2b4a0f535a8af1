/** Line icons on a 20 × 20 grid, drawn here so that nothing has to be fetched. */

const PATHS = {
  sound: "M3 8v4h3l4 3.5v-11L6 8H3z M13 7.5a3.5 3.5 0 0 1 0 5 M15.2 5.2a6.8 6.8 0 0 1 0 9.6",
  mute: "M3 8v4h3l4 3.5v-11L6 8H3z M13.5 8l4 4 M17.5 8l-4 4",
  bell: "M5 13.5h10l-1.3-2V8.7a3.7 3.7 0 0 0-7.4 0v2.8L5 13.5z M8.5 16a1.6 1.6 0 0 0 3 0",
  help: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15z M7.9 7.8a2.1 2.1 0 1 1 3 2c-.7.4-.9.8-.9 1.6 M10 14v.2",
  exit: "M8 3.5H4.5v13H8 M12 6.5l3.5 3.5-3.5 3.5 M15 10H8",
  back: "M12.5 4.5L7 10l5.5 5.5",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11z M13 13l4 4",
  person: "M10 10a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 10 10z M3.8 16.8c.6-3 3-4.6 6.2-4.6s5.6 1.6 6.2 4.6",
  pass: "M3.5 7h12 M12 3.5L15.5 7 12 10.5 M16.5 13h-12 M8 9.5L4.5 13 8 16.5",
  bot: "M4.5 7.5h11v8h-11z M10 7.5V4.5 M8 11v1 M12 11v1 M2.5 10.5v2.5 M17.5 10.5v2.5",
  check: "M4 10.5l4 4 8-9",
  eye: "M2.5 10S5.3 5 10 5s7.5 5 7.5 5-2.8 5-7.5 5-7.5-5-7.5-5z M10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  send: "M3 10l14-6.5-4 13.5-3.5-5.5L3 10z M9.5 11.5L17 3.5",
  alert: "M10 3L2.5 16.5h15L10 3z M10 8v4 M10 14.2v.2",
  inbox: "M3 11.5L5 4h10l2 7.5V16H3v-4.5z M3 11.5h4l1 2h4l1-2h4",
  chat: "M3.5 4.5h13v9H9l-3.5 3v-3h-2v-9z",
  clip: "M15.5 9.5l-5.6 5.6a3.4 3.4 0 0 1-4.8-4.8l6.3-6.3a2.3 2.3 0 0 1 3.2 3.2l-6.2 6.2a1.1 1.1 0 0 1-1.6-1.6l5.3-5.3",
  close: "M5 5l10 10 M15 5L5 15",
  down: "M10 4v11 M5.5 10.5L10 15l4.5-4.5",
  clock: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15z M10 6v4.3l2.8 1.7",
  merge: "M7.5 14a4 4 0 1 1 0-8 4 4 0 0 1 0 8z M12.5 14a4 4 0 1 1 0-8 4 4 0 0 1 0 8z",
  tag: "M3.5 3.5h6l7 7-6 6-7-7v-6z M6.5 6.5v.1",
};

const SVG = "http://www.w3.org/2000/svg";

/** Draw one; decoration only, so its button or text carries the label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
