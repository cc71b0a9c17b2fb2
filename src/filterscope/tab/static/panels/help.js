/** The page of keys and meanings: how to read each mode, what the colours say, which keys there are, what words mean. */

import { rotationColour, rotationShare } from "../draw/colours.js";
import { theme } from "../draw/palette.js";
import { button, el, ICONS, icon } from "./dom.js";
import { MEANINGS } from "./glossary.js";
import { scaleParts } from "./legend.js";
import { sketch } from "./sketches.js";

/**
 * What each mode shows, in a line.
 *
 * @type {Record<string, [string, string]>}
 */
const MODES = {
  taps: [
    "Taps",
    "each filter's weights over its taps, with what you compare with in pale behind. Several channels are " +
      "rows of cells, red for plus and blue for minus; DNA letters are stacked by weight.",
  ],
  change: ["Change", "what was learned: the weights now minus those of what you compare with, on a scale of its own."],
  response: [
    "Response",
    "which frequencies each filter lets pass, low at the left, high at the right; the top is the most that it lets pass.",
  ],
  evolution: [
    "Epochs × taps",
    "the whole training in one tile, first snapshot at the top. Red: a tap grew; blue: it sank. The line is the shown moment.",
  ],
};

/** What rotations mean, where they lie on the bar. */
const ROTATIONS = [
  [0, "0", "grey: unmoved"],
  [0.1, "0.1", "blue: turned a little"],
  [0.5, "0.5", "purple: turned by 60°"],
  [1, "1", "red: nothing in common with before"],
  [2, "2", "orange: reversed"],
];

const NAMES = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  PageUp: "Page up",
  PageDown: "Page down",
  " ": "Space",
  Escape: "Esc",
};

/** @param {() => void} onClick @returns {HTMLElement} The button that opens it. */
export function helpButton(onClick) {
  const name = { title: "Keys and meanings (?)", "aria-label": "Keys and meanings", text: "?" };
  return button({ class: "icon-button help-button", "data-testid": "help-button", ...name }, onClick);
}

export class Help {
  /** @param {{words: string, keys: object}[]} keys The table of keys: what those of a line do, and its keys. */
  constructor(keys) {
    this.keys = keys;
    this.element = el("dialog", {
      class: "help",
      "data-testid": "help",
      "aria-labelledby": "filterscope-help",
      on: {
        // Beside it is the dialog itself, in it are its parts.
        click: ({ target }) => target === this.element && this.element.close(),
        keydown: (event) => this.#keep(event),
      },
    });
  }

  /** Show it; the focus goes back to where it was when it closes. */
  open() {
    if (this.element.open) return;
    this.element.replaceChildren(this.#page());
    this.element.showModal();
  }

  /** The focus goes round in it: beyond its ends it would leave for the browser. */
  #keep(event) {
    if (event.key !== "Tab") return;
    /** @type {HTMLElement[]} */
    const stops = [...this.element.querySelectorAll(/** @type {"button"} */ ("button, [tabindex]"))];
    const end = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== end) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }

  #page() {
    const modes = Object.entries(MODES).map(([mode, [name, words]]) =>
      entry(words, sketch(mode), el("span", { text: name })),
    );
    const meanings = Object.entries(MEANINGS).map(([word, meaning]) => entry(meaning, word));
    const close = button(
      { class: "icon-button", title: "Close (Esc)", "aria-label": "Close" },
      () => this.element.close(),
      icon(ICONS.close),
    );
    return el(
      "div",
      { class: "help-page" },
      el("header", { class: "help-bar" }, el("h2", { id: "filterscope-help", text: "Keys and meanings" }), close),
      // What scrolls takes the focus, so that arrow keys scroll it.
      el(
        "div",
        { class: "help-body", tabindex: 0, role: "group", "aria-label": "Keys and meanings", autofocus: true },
        part("How to read the tiles", el("dl", { class: "help-modes" }, ...modes)),
        part("Colour is rotation: how far a filter has turned", rotationBar(), rotationWords()),
        part("Keys", el("dl", { class: "help-keys" }, ...this.keys.map(keyEntry))),
        part("Words", el("dl", { class: "help-words" }, ...meanings)),
      ),
    );
  }
}

function part(heading, ...content) {
  return el("section", {}, el("h3", { text: heading }), ...content);
}

/** What something means, after pictures or words of it. */
function entry(meaning, ...named) {
  return el("div", {}, el("dt", {}, ...named), el("dd", { text: meaning }));
}

function keyEntry({ words, keys }) {
  const names = Object.keys(keys).sort((a, b) => (NAMES[a] ? 0 : 1) - (NAMES[b] ? 0 : 1));
  return entry(words, ...names.map((key) => el("kbd", { text: NAMES[key] ?? key })));
}

function rotationBar() {
  const ticks = ROTATIONS.map(([rotation, text]) => [rotationShare(rotation), text]);
  return el(
    "div",
    { class: "legend-scale help-bar-scale fine", "aria-hidden": "true" },
    ...scaleParts("rotation", ticks),
  );
}

function rotationWords() {
  return el(
    "ul",
    { class: "help-rotations" },
    ...ROTATIONS.map(([rotation, text, words]) =>
      el(
        "li",
        {},
        el("span", { class: "help-swatch", style: `background: ${rotationColour(rotation, theme.undefinedLine)}` }),
        `${text} ${words}`,
      ),
    ),
  );
}
