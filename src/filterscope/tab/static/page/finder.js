/** Finding filters in the page: what the search means for the layer that is shown, and where Enter leads. */

import { MARKS, middlePeaks, newestPeaks, rowsWith, TRAITS } from "../data/traits.js";
import { readSearch, toggledWord, withoutPeaks } from "../numbers/find.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { Find } from "../panels/find.js";

export class Finder {
  #reveal = false;
  #read = { text: "", ...readSearch("") };
  /** Numbers of the filters that were found: the same set for as long as they are the same. */
  found = new Set();

  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.panel = new Find({
      search: (text) => this.search(text),
      next: (by) => this.next(by),
      toggle: (word) => this.search(toggledWord(app.state.find, word)),
      peak: () => this.#togglePeak(),
    });
  }

  /** Search for something else, and bring the first one found into sight. */
  search(text) {
    this.#reveal = true;
    this.app.state.set({ find: text });
  }

  /** Look for what is asked for; `found` is part of the scene, which may be null. */
  update(scene) {
    const { find: text } = this.app.state;
    if (text !== this.#read.text) this.#read = { text, ...readSearch(text) };
    const found = scene ? this.#look(scene) : new Set();
    if (found.size !== this.found.size || [...found].some((number) => !this.found.has(number))) this.found = found;
    if (scene) scene.found = this.found;
    this.panel.update(text, this.#read, scene);
  }

  /** Once the tiles are laid: scroll to the first one found after the search has changed. */
  reveal() {
    if (this.#reveal && this.found.size) {
      const [first] = this.#rows();
      if (first !== undefined) this.app.grid.reveal(first);
    }
    this.#reveal = false;
  }

  /** Open the next one found, in the order of the tiles. */
  next(by) {
    const rows = this.#rows();
    const { state, model, grid } = this.app;
    if (!rows.length) return;
    const { series } = model;
    const here = state.filter === null ? -1 : grid.order.indexOf(series.rowOf(state.filter));
    const places = rows.map((row) => grid.order.indexOf(row));
    const after = by > 0 ? places.find((place) => place > here) : places.findLast((place) => place < here);
    const place = after ?? (by > 0 ? places[0] : places.at(-1));
    state.set({ filter: series.numberOf(grid.order[place]) });
  }

  #rows() {
    const { series } = this.app.model;
    return (this.app.grid.order ?? []).filter((row) => this.found.has(series.numberOf(row)));
  }

  #look({ series, frame }) {
    const { numbers, words, peaks } = this.#read;
    const rows = new Set();
    for (let row = 0; row < series.filters; row++) if (numbers.has(series.numberOf(row))) rows.add(row);
    for (const word of words) {
      if (Object.hasOwn(TRAITS, word)) for (const row of rowsWith(series, word)) rows.add(row);
      if (Object.hasOwn(MARKS, word)) frame.marks.forEach((mark, row) => mark === MARKS[word] && rows.add(row));
    }
    if (peaks.length && !withoutFrequencies(series.header)) {
      newestPeaks(series).forEach((peak, row) => {
        if (peaks.some(([low, high]) => peak >= low && peak <= high)) rows.add(row);
      });
    }
    return new Set([...rows].map((row) => series.numberOf(row)));
  }

  #togglePeak() {
    const { state, model } = this.app;
    if (this.#read.peaks.length) {
      this.search(withoutPeaks(state.find));
      return;
    }
    const [low, high] = middlePeaks(model.series).map((value) => Number(value.toPrecision(2)));
    this.search(`${state.find} peak ${low}-${high}`.trim());
    this.panel.input.value = state.find;
  }
}
