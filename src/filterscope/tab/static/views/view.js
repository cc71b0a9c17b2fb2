/** What the grid shows of one layer in one mode: numbers for every tile, ready to draw. What stays the same while the
 * user scrubs (limits, the reference's rows) is kept. */

import { measure } from "../data/snapshot.js";
import { fairLimit, stackPeaks } from "../numbers/letters.js";
import { beyond, sharedLimit } from "../numbers/measures.js";
import { autoChannels, difference, displayRows, peaks, rowShape } from "../numbers/rows.js";
import { decibels, fftLength, responses } from "../numbers/spectrum.js";
import { Evolution } from "./evolution.js";

/** Snapshots that a scale is taken from. */
const SAMPLES = 12;

/**
 * Numbers of all tiles at one moment; `limits` is the value at each tile's edge.
 *
 * @typedef {object} Frame
 * @property {"curve" | "heat" | "logo" | "response" | "evolution"} kind
 * @property {Float64Array} rotation
 * @property {Float64Array} norm
 * @property {string[]} marks
 * @property {Float32Array} [values]
 * @property {Float32Array | null} [ghost]
 * @property {number} [rows]
 * @property {number} [columns]
 * @property {boolean} [signed]
 * @property {boolean} [filled]
 * @property {number} [limit]
 * @property {number[] | Float64Array} [limits]
 * @property {boolean} [clipped]
 * @property {boolean[] | null} [cut]
 * @property {Frame} [logo] The same as letters, where channels are some.
 */

/**
 * Everything that is drawn of a layer: `order` holds rows by tile, `position` is that of the shown snapshot.
 *
 * @typedef {object} Scene
 * @property {import("../data/series.js").Series} series
 * @property {LayerView} view
 * @property {string} mode
 * @property {Frame} frame
 * @property {number} position
 * @property {number} count
 * @property {boolean} exact Whether it is the wanted snapshot, and not the nearest that has come.
 * @property {string} scale
 * @property {Float32Array | null} ghostWeights
 * @property {string} ghostWords
 * @property {string | null} fault
 * @property {number[]} order
 * @property {number} hovered A row, or -1.
 * @property {number} selected A row, or -1.
 * @property {Set<number>} found
 * @property {ReturnType<LayerView["evolution"]>} evolution
 */

export class LayerView {
  #limits = new Map();
  #ghost = { weights: null, rows: null };
  #evolution = null;
  #painted = null;

  /**
   * @param {import("../data/series.js").Series} series
   * @param {{mode: string, channels: "auto" | import("../numbers/rows.js").Channels, scale: string}} options As in the state.
   */
  constructor(series, { mode, channels, scale }) {
    this.series = series;
    this.mode = mode;
    this.scale = scale;
    this.header = series.header;
    this.base = series.referenceWeights;
    const auto = autoChannels(series.header);
    /**
     * A link may ask for letters where there are none.
     *
     * @type {import("../numbers/rows.js").Channels}
     */
    this.channels = channels === "auto" || channels === "logo" ? auto : channels;
    // A difference has no shape of its own that a principal component would show.
    if (mode === "change" && this.channels === "principal" && series.header.shape[1] > 1) this.channels = "l2";
    this.shape = rowShape(series.header, this.channels);
    this.anchor =
      this.base && this.channels === "principal" ? displayRows(this.base, this.header, this.channels, null) : null;
  }

  /** Whether it still belongs to what is asked for. */
  fits(series, { mode, channels, scale }, before) {
    const same = before.mode === mode && before.channels === channels && before.scale === scale;
    return (
      same &&
      this.series === series &&
      this.header.shape === series.header.shape &&
      this.base === series.referenceWeights
    );
  }

  /**
   * The numbers of one snapshot.
   *
   * @param {number} position A loaded one.
   * @param {Float32Array | null} ghost Weights to compare with.
   * @returns {Frame}
   */
  frame(position, ghost) {
    const { series, mode } = this;
    const numbers = measure(series, position);
    if (mode === "evolution") return { kind: "evolution", ...numbers };
    const weights = series.weights(position);
    if (mode === "response") {
      const values = this.#decibels(weights);
      return { kind: "response", ...numbers, values, ghost: ghost && this.#ghostRows(ghost) };
    }
    const heat = this.shape.rows > 1;
    const base = mode === "change" ? (ghost ?? this.base) : null;
    const values = mode === "change" ? this.#changeRows(weights, base) : this.#tapRows(weights);
    const { limit, limits, clipped, stacks } = this.#limit(base);
    const cut = clipped ? beyond(peaks(values, series.filters), limit) : null;
    const ghostRows = ghost && mode === "taps" && !heat ? this.#ghostRows(ghost) : null;
    /** @type {Frame["kind"]} */
    const kind = heat ? "heat" : "curve";
    const filled = mode === "change";
    const frame = { kind, ...numbers, ...this.shape, values, ghost: ghostRows, filled, limit, limits, clipped, cut };
    return stacks ? { ...frame, logo: { ...frame, kind: "logo", cut: null, ...stacks } } : frame;
  }

  #tapRows(weights) {
    return displayRows(weights, this.header, this.channels, this.anchor);
  }

  #changeRows(weights, base) {
    return displayRows(base ? difference(weights, base) : weights.map(() => NaN), this.header, this.channels, null);
  }

  #decibels(weights) {
    const { header } = this;
    const n = fftLength(header, header.shape[2] > 64 ? 512 : 256, 2);
    const all = responses(weights, header, n, decibels);
    const rows = new Float32Array(all.length * all[0].length);
    all.forEach((row, f) => rows.set(row, f * row.length));
    return rows;
  }

  /** Rows of the ghost, which mostly is the same from one frame to the next. */
  #ghostRows(weights) {
    if (this.#ghost.weights !== weights) {
      const rows = this.mode === "response" ? this.#decibels(weights) : this.#tapRows(weights);
      this.#ghost = { weights, rows };
    }
    return this.#ghost.rows;
  }

  /** The value at a tile's edge: of the layer and of each filter, over the whole run as far as it is loaded. It is
   * taken anew when twice as much is there, so that scrubbing does not change it. */
  #limit(base) {
    const { series, mode } = this;
    const still = base === this.base || base === null;
    const key = `${Math.ceil(Math.log2(series.loaded))} ${series.loaded === series.count} ${still ? "" : "other"}`;
    if (!this.#limits.has(key)) {
      const [largest, highest] = [new Float64Array(series.filters), new Float64Array(series.filters)];
      const logo = this.channels === "logo";
      const raise = (all, peak, f) => (all[f] = Math.max(all[f], peak));
      for (const position of this.#sample()) {
        const weights = series.glance(position);
        const rows = mode === "change" ? this.#changeRows(weights, base) : this.#tapRows(weights);
        peaks(rows, series.filters).forEach((peak, f) => raise(largest, peak, f));
        if (logo) stackPeaks(rows, series.header.shape).forEach((peak, f) => raise(highest, peak, f));
      }
      const limit = mode === "change" ? sharedLimit(largest, 0.9, 4) : sharedLimit(largest, 0.5, 2);
      this.#limits.clear();
      this.#limits.set(key, {
        cells: this.#scaled(largest, limit),
        stacks: logo && this.#scaled(highest, fairLimit(highest)),
      });
    }
    const { cells, stacks } = this.#limits.get(key);
    return { ...cells, stacks };
  }

  /** The scale of all tiles, with a limit that they share or the peak of each. */
  #scaled(highest, limit) {
    const shared = this.scale === "shared";
    const clipped = shared && beyond(highest, limit).includes(true);
    return { limit, clipped, limits: highest.map((peak) => (shared ? limit : peak || 1)) };
  }

  #sample() {
    const { series } = this;
    const loaded = series.snapshots.map((_, i) => i).filter((i) => series.isLoaded(i));
    const chosen = new Set([series.reference, loaded.at(-1)].filter((i) => i >= 0));
    for (let i = 0; i < SAMPLES; i++) chosen.add(loaded[Math.floor((i * loaded.length) / SAMPLES)]);
    return chosen;
  }

  /**
   * The epochs x taps of every filter, as far as they are worked out.
   *
   * @param {number} height Pixels of a tile.
   * @returns {{values: Float32Array, rows: number, columns: number, signed: boolean, limits: Float64Array,
   *   more: boolean} | null} The same object until there is more to show.
   */
  evolution(height) {
    const { series } = this;
    if (!series.referenceWeights) return null;
    if (!this.#evolution?.fits(series, height)) {
      this.#evolution = new Evolution(series, height);
      this.#painted = null;
    }
    const { more, came } = this.#evolution.work();
    if (came || !this.#painted) {
      const { rows, columns, signed } = this.#evolution;
      const values = this.#evolution.values();
      const own = peaks(values, series.filters);
      const limit = sharedLimit(own, 0.9, 4);
      const cut = this.scale === "shared" ? beyond(own, limit) : null;
      const clipped = Boolean(cut?.includes(true));
      const limits = this.scale === "shared" ? own.map(() => limit) : own.map((peak) => peak || 1);
      this.#painted = { values, rows, columns, signed, limit, limits, clipped, cut, more };
    }
    this.#painted.more = more;
    return this.#painted;
  }
}
