/** Epochs x taps of all filters: what was learned, in rows of pixels that average the snapshots they stand for.
 * Built a few milliseconds at a time, and added to as snapshots come in. */

import { difference, displayRows } from "../numbers/rows.js";

/** Rows that a tile has at most. */
const MOST_ROWS = 160;
/** Milliseconds of work between two frames. */
const SLICE = 8;

export class Evolution {
  #sums;
  #counts;
  #added = new Set();

  /** @param {import("../data/series.js").Series} series @param {number} height Pixels of a tile. */
  constructor(series, height) {
    const [filters, channels, taps] = series.header.shape;
    this.series = series;
    this.count = series.count;
    this.base = series.referenceWeights;
    this.rows = Math.max(1, Math.min(series.count, Math.round(height), MOST_ROWS));
    this.columns = taps === 1 ? channels : taps;
    this.signed = (channels === 1 || taps === 1) && !series.header.complex;
    this.filters = filters;
    this.#sums = new Float32Array(filters * this.rows * this.columns);
    this.#counts = new Uint32Array(this.rows);
  }

  /** Whether it still belongs to what a series holds. */
  fits(series, height) {
    const rows = Math.max(1, Math.min(series.count, Math.round(height), MOST_ROWS));
    return (
      this.series === series &&
      this.count === series.count &&
      this.rows === rows &&
      this.base === series.referenceWeights
    );
  }

  /** Add snapshots that have come, for a few milliseconds. Returns whether there are more, and whether any came. */
  work() {
    const end = performance.now() + SLICE;
    let came = false;
    for (let position = 0; position < this.count; position++) {
      if (this.#added.has(position) || !this.series.isLoaded(position)) continue;
      if (performance.now() > end) return { more: true, came };
      this.#add(position);
      came = true;
    }
    return { more: false, came };
  }

  #add(position) {
    this.#added.add(position);
    const { header } = this.series;
    const now = this.series.glance(position);
    const shown = displayRows(difference(now, this.base), header, header.complex || !this.signed ? "l2" : "all", null);
    const row = Math.floor((position * this.rows) / this.count);
    const { rows, columns } = this;
    for (let f = 0; f < this.filters; f++) {
      const to = (f * rows + row) * columns;
      for (let k = 0, from = f * columns; k < columns; k++, from++) this.#sums[to + k] += shown[from];
    }
    this.#counts[row] += 1;
  }

  /** Means of the rows, `filters x rows x columns`; rows without a snapshot yet show the nearest one above. */
  values() {
    const { rows, columns, filters } = this;
    const out = new Float32Array(this.#sums.length);
    let source = this.#counts.findIndex((count) => count > 0);
    for (let row = 0; row < rows; row++) {
      if (this.#counts[row]) source = row;
      if (source < 0) continue;
      const share = 1 / this.#counts[source];
      for (let f = 0; f < filters; f++) {
        const from = (f * rows + source) * columns;
        const to = (f * rows + row) * columns;
        for (let k = 0; k < columns; k++) out[to + k] = this.#sums[from + k] * share;
      }
    }
    return out;
  }
}
