/** Epochs x taps of all filters: what was learned, in rows of pixels that show the extremes of their snapshots. Built a few milliseconds at a time, and added to as snapshots come in. */

import { Directions } from "../numbers/direction.js";
import { stronger } from "../numbers/reduce.js";
import { difference, displayRows } from "../numbers/rows.js";

/** Rows that a tile has at most. */
const MOST_ROWS = 160;
/** Milliseconds of work between two frames. */
const SLICE = 8;

function rowsOf({ count }, height) {
  return Math.max(1, Math.min(count, Math.round(height), MOST_ROWS));
}

export class Evolution {
  #extremes;
  #known;
  #added = new Set();

  /** @param {import("../data/series.js").Series} series @param {number} height Pixels of a tile. */
  constructor(series, height) {
    const [filters, channels, taps] = series.header.shape;
    this.series = series;
    this.count = series.count;
    this.base = series.referenceWeights;
    this.rows = rowsOf(series, height);
    this.columns = taps === 1 ? channels : taps;
    this.signed = !series.header.complex;
    this.newest = series.nearest(series.count - 1);
    this.filters = filters;
    this.#extremes = new Float32Array(filters * this.rows * this.columns);
    this.#known = new Uint8Array(this.rows);
    const read = (position) => difference(series.glance(position), this.base);
    const several = channels > 1 && taps > 1 && this.signed;
    this.directions = several ? new Directions(series.header.shape, this.base, series.loadedPositions, read) : null;
  }

  /** Whether it still belongs to what a series holds. */
  fits(series, height) {
    return (
      this.series === series &&
      this.count === series.count &&
      this.newest === series.nearest(series.count - 1) &&
      this.rows === rowsOf(series, height) &&
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
    const moved = difference(now, this.base);
    const shown =
      this.directions?.rows(position, moved) ?? displayRows(moved, header, header.complex ? "l2" : "all", null);
    const row = Math.floor((position * this.rows) / this.count);
    const { rows, columns } = this;
    for (let f = 0; f < this.filters; f++) {
      const to = (f * rows + row) * columns;
      for (let i = to, from = f * columns; i < to + columns; i++, from++)
        this.#extremes[i] = this.#known[row] ? stronger(this.#extremes[i], shown[from]) : shown[from];
    }
    this.#known[row] = 1;
  }

  /** Extremes of the rows, `filters x rows x columns`; rows without a snapshot yet show the nearest one above. */
  values() {
    const { rows, columns, filters } = this;
    const out = new Float32Array(this.#extremes.length);
    const signs = this.directions?.signs();
    let source = this.#known.indexOf(1);
    for (let row = 0; row < rows; row++) {
      if (this.#known[row]) source = row;
      if (source < 0) continue;
      for (let f = 0; f < filters; f++) {
        const from = (f * rows + source) * columns;
        const to = (f * rows + row) * columns;
        out.set(this.#extremes.subarray(from, from + columns), to);
        if (signs?.[f] < 0) for (let i = to; i < to + columns; i++) out[i] = -out[i];
      }
    }
    return out;
  }
}
