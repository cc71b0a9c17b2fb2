/** Elements from data. Text is only ever set as text: names of runs and layers may hold any character. */

/** What a part has done when it is used, by name. @typedef {Record<string, (...given: any[]) => void>} Actions */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {object} properties `class`, `text`, `on: {event: listener}`; the rest are attributes (`null`, `false`: none).
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/**
 * A button that does something.
 *
 * @param {object} properties As for `el`.
 * @param {((event: MouseEvent) => void) | null} press
 * @param {...(Node | string)} children
 */
export function button(properties, press, ...children) {
  return el("button", { type: "button", ...properties, on: { click: press } }, ...children);
}

/**
 * A choice among words.
 *
 * @param {object} properties As for `el`.
 * @param {[string, string][]} choices Values, and the words for them.
 * @param {(value: string) => void} choose
 */
export function select(properties, choices, choose) {
  const options = choices.map(([value, text]) => el("option", { value, text }));
  const element = el("select", { ...properties, on: { change: () => choose(element.value) } }, ...options);
  return element;
}

/** Characters at the end of a name that stay where it has no room: the beginning and the end tell names apart. */
const TAIL = 14;

/** A name that loses its middle if it must. */
export function nameOf(text) {
  const characters = [...text];
  const [head, tail] = [characters.slice(0, -TAIL), characters.slice(-TAIL)].map((part) => part.join(""));
  const parts = head ? [el("span", { class: "name-head", text: head }), el("span", { text: tail })] : [tail];
  return el("span", { class: "name" }, ...parts);
}

/** Set a text if it is another one: a new text node would have the page laid out anew. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An SVG element with attributes and children. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A 24 x 24 icon of one path. */
export function icon(path) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: path }));
}

export const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4v15H6zM14 4.5h4v15h-4z",
  close: "M6.4 5 5 6.4 10.6 12 5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4L13.4 12 19 6.4 17.6 5 12 10.6z",
  previous: "M15.4 5 17 6.6 11.6 12l5.4 5.4-1.6 1.6-7-7z",
  next: "M8.6 5 7 6.6l5.4 5.4L7 17.4 8.6 19l7-7z",
  again: "M12 5V1.5L7 6.5l5 5V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
  pin: "M15 3v2l-1 1v5l3 3v2h-4.2V21L12 22.5 11.2 21v-5H7v-2l3-3V6L9 5V3z",
  bookmark: "M6 3h12v18l-6-4.5L6 21z",
  menu: "M4 6h16v2H4zM4 11h16v2H4zM4 16h16v2H4z",
};
