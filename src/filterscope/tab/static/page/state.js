/** What the user looks at, as the address keeps it. */

import { CHANNELS, MODES, SCALES, SORTS, SPEEDS, TILES, VIEWS } from "../panels/choices.js";
import { onAddress, readAddress, writeAddress } from "./host.js";
import { GENERAL } from "./link.js";
import { formatMarks, parseMarks } from "./marks.js";

const oneOf = (choices) => (text) => choices.find((choice) => String(choice) === text);
const count = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);
const anything = (text) => text;

/** Key in the address: value when absent, and how to read it (`undefined`: not usable).
 * @satisfies {Record<string, [any, (text: string) => any]>} */
const KEYS = {
  run: [null, anything],
  /** All layers or one; null: by their number, if the address names nothing of a layer. */
  view: [null, oneOf(VIEWS)],
  /** Above the overview: null for the server's choice, empty for none. */
  scalar: [null, anything],
  tag: [null, anything],
  /** Step of the shown snapshot; null follows the newest. */
  step: [null, count],
  mode: ["taps", oneOf(MODES)],
  sort: ["index", oneOf(SORTS)],
  /** Step whose filters the order was taken from. */
  sorted: [null, count],
  scale: ["shared", oneOf(SCALES)],
  channels: ["auto", oneOf(CHANNELS)],
  tile: ["fit", oneOf(TILES)],
  /** Number of the filter in the detail. */
  filter: [null, count],
  /** "initial", "none", "pinned" or "run:" and a name. */
  compare: ["initial", (text) => (/^(initial|none|pinned|run:.+)$/s.test(text) ? text : undefined)],
  pin: [null, count],
  /** Bookmarks, as text. */
  marks: ["", (text) => formatMarks(parseMarks(text))],
  speed: [1, oneOf(SPEEDS)],
};

/** @typedef {new () => {[key in keyof typeof KEYS]: any}} Values */

/** The state, with a listener that is told which keys changed. */
export class State extends /** @type {Values} */ (/** @type {unknown} */ (Object)) {
  /** @type {(changed: Set<string>) => void} */
  #listener = () => {};
  #timer = null;

  constructor() {
    super();
    this.#read();
    onAddress(() => {
      const before = { ...this };
      this.#read();
      const changed = Object.keys(KEYS).filter((key) => before[key] !== this[key]);
      if (changed.length) this.#listener(new Set(changed));
    });
  }

  #read() {
    const found = readAddress();
    for (const [key, [fallback, parse]] of Object.entries(KEYS)) {
      this[key] = (found.has(key) ? parse(found.get(key)) : undefined) ?? fallback;
    }
  }

  /** Whether something of a layer was chosen. */
  get named() {
    return Object.entries(KEYS).some(([key, [fallback]]) => !GENERAL.has(key) && this[key] !== fallback);
  }

  onChange(listener) {
    this.#listener = listener;
  }

  /** Change some keys. */
  set(patch) {
    const changed = Object.keys(patch).filter((key) => this[key] !== patch[key]);
    if (!changed.length) return;
    Object.assign(this, patch);
    // Browsers allow some hundred changes of the address in half a minute, playing makes sixty in a second: steps wait.
    if (changed.some((key) => key !== "step")) this.write();
    else this.#timer ??= setTimeout(() => this.write(), 400);
    this.#listener(new Set(changed));
  }

  /** Bring the address up to date now. */
  write() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const entries = new Map();
    for (const [key, [fallback]] of Object.entries(KEYS)) {
      if (this[key] !== fallback) entries.set(key, String(this[key]));
    }
    writeAddress(entries);
  }
}
