/** What the user looks at, as the address keeps it. */

import { CHANNELS, LAYER_ORDERS, MODES, SCALES, SORTS, SPEEDS, TILES, VIEWS } from "../panels/choices.js";
import { onAddress, readAddress, writeAddress } from "./host.js";
import { GENERAL } from "./link.js";
import { formatMarks, parseMarks } from "./marks.js";

const oneOf = (choices) => (text) => choices.find((choice) => String(choice) === text);
const keyOf = (choices) => oneOf(Object.keys(choices));
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
  /** Order of the list of layers. */
  layers: ["model", keyOf(LAYER_ORDERS)],
  /** Step of the shown snapshot; null follows the newest. */
  step: [null, count],
  /** Both null: as the layer opens. */
  mode: [null, oneOf(MODES)],
  sort: [null, keyOf(SORTS)],
  /** Step whose filters the order was taken from. */
  sorted: [null, count],
  scale: ["shared", keyOf(SCALES)],
  channels: ["auto", keyOf(CHANNELS)],
  tile: ["fit", keyOf(TILES)],
  /** Number of the filter in the detail. */
  filter: [null, count],
  /** What is searched for. */
  find: ["", anything],
  /** "initial", "none", "pinned", "previous", "back:" and how many snapshots, or "run:" and a name. */
  compare: [
    "initial",
    (text) => (/^(initial|none|pinned|previous|back:[1-9]\d{0,5}|run:.+)$/s.test(text) ? text : undefined),
  ],
  pin: [null, count],
  /** Bookmarks, as text. */
  marks: ["", (text) => formatMarks(parseMarks(text))],
  speed: [1, oneOf(SPEEDS)],
};

/** What says which layer is looked at, and nothing of how. */
const WHICH = new Set(["run", "tag", "view"]);

/** @typedef {new () => {[key in keyof typeof KEYS]: any}} Values */

/** The state; its listener is told which keys changed. */
export class State extends /** @type {Values} */ (/** @type {unknown} */ (Object)) {
  #listener;
  #timer = null;
  #opening = {};
  #used = false;

  /** @param {(changed: Set<string>) => void} listener */
  constructor(listener) {
    super();
    this.#listener = listener;
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

  /** What was chosen of a layer. */
  get #chosen() {
    return Object.keys(KEYS).filter((key) => !GENERAL.has(key) && this[key] !== KEYS[key][0]);
  }

  /** Whether something of a layer was chosen. */
  get named() {
    return this.#chosen.length > 0;
  }

  /** Whether nothing was chosen of how a layer is shown. */
  get untouched() {
    return this.#chosen.every((key) => WHICH.has(key));
  }

  /** What has opened, and how it is shown, where the user has not chosen: a link names it, so that it leads to the same
   * view even if more is learned later, or other runs come first.
   * @param {{run: string, tag?: string, mode?: string, sort?: string, sorted?: number | null}} found */
  open(found) {
    if (Object.entries(found).every(([key, value]) => this.#opening[key] === value)) return;
    this.#opening = found;
    if (this.#used) this.#soon();
  }

  /** Change some keys. */
  set(patch) {
    const changed = Object.keys(patch).filter((key) => this[key] !== patch[key]);
    if (!changed.length) return;
    Object.assign(this, patch);
    this.#used = true;
    if (changed.some((key) => WHICH.has(key))) this.#opening = {};
    // Browsers allow some hundred changes of the address in half a minute, playing makes sixty in a second: steps wait.
    if (changed.some((key) => key !== "step")) this.write();
    else this.#soon();
    this.#listener(new Set(changed));
  }

  #soon() {
    this.#timer ??= setTimeout(() => this.write(), 400);
  }

  /** Bring the address up to date now. */
  write() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const entries = new Map();
    for (const [key, [fallback]] of Object.entries(KEYS)) {
      const value = this[key] ?? this.#opening[key] ?? null;
      if (value !== fallback) entries.set(key, String(value));
    }
    writeAddress(entries);
  }
}
