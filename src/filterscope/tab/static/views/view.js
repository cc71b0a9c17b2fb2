/** What the grid shows of one layer in one mode: numbers for every tile, ready to draw. What stays the same while the
 * user scrubs (limits, the reference's rows) is kept. */

import { stepsBack } from "../data/against.js";
import { measure, powersOf } from "../data/snapshot.js";
import { Key } from "../draw/kept.js";
import { fairLimit, stackPeaks } from "../numbers/letters.js";
import { beyond, sharedLimit } from "../numbers/measures.js";
import { autoChannels, difference, displayRows, peaks, rowShape } from "../numbers/rows.js";
import { decibels, fftLength } from "../numbers/spectrum.js";
import { Evolution } from "./evolution.js";

/** Snapshots that a scale is taken from. */
const SAMPLES = 12;
/** Milliseconds between two pictures of an evolution that is still worked out. */
const PATIENCE = 250;

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
 * @property {boolean} [plain] Whether no rotation is told: nothing is compared with.
 * @property {boolean} [bare] Whether there is nothing to draw: a difference from nothing.
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
 * @property {boolean} exact Whether it is the wanted snapshot, and not the nearest that has come.
 * @property {string} scale
 * @property {string} sort
 * @property {number | null} sorted Step whose filters the order is of; null for that of their numbers.
 * @property {import("../data/against.js").Against} compared
 * @property {number[]} order
 * @property {number} hovered A row, or -1.
 * @property {number} selected A row, or -1.
 * @property {Set<number>} found
 * @property {ReturnType<LayerView["evolution"]>} evolution
 */

/** Rounded to half floats, weights differ by so much at least: what is less than a few times that is no shape. */
function rounding({ header, referenceWeights }) {
  if (header.dtype !== "float16" || !referenceWeights) return 0;
  return 8 * 2 ** -11 * peaks(referenceWeights, 1)[0];
}

export class LayerView {
  #limits = null;
  #limitsKey = new Key();
  #ghost = { weights: null, rows: null };
  #evolution = null;
  #painted = null;
  #paintedAt = 0;
  #unpainted = false;

  /**
   * @param {import("../data/series.js").Series} series
   * @param {{mode: string, channels: "auto" | import("../numbers/rows.js").Channels, scale: string}} options As in the state.
   */
  constructor(series, { mode, channels, scale }) {
    this.series = series;
    this.mode = mode;
    this.asked = channels;
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
  fits(series, { mode, channels, scale }) {
    return (
      this.mode === mode &&
      this.asked === channels &&
      this.scale === scale &&
      this.series === series &&
      this.header.shape === series.header.shape &&
      this.base === series.referenceWeights
    );
  }

  /**
   * The numbers of one snapshot.
   *
   * @param {number} position A loaded one.
   * @param {import("../data/against.js").Against} compared
   * @returns {Frame}
   */
  frame(position, compared) {
    const { series, mode } = this;
    const ghost = compared.weights;
    const numbers = { ...measure(series, position, ghost), plain: compared.choice === "none" };
    if (mode === "evolution") return { kind: "evolution", ...numbers };
    const weights = series.weights(position);
    if (mode === "response") {
      const values = this.#decibels(weights);
      return { kind: "response", ...numbers, values, ghost: ghost && this.#ghostRows(ghost) };
    }
    const heat = this.shape.rows > 1;
    const filled = mode === "change";
    const values = filled ? this.#changeRows(weights, ghost) : this.#tapRows(weights);
    const { stacks, ...scale } = this.#limit(compared, values);
    const cut = scale.clipped ? beyond(peaks(values, series.filters), scale.limits) : null;
    const ghostRows = ghost && !filled && !heat ? this.#ghostRows(ghost) : null;
    /** @type {Frame["kind"]} */
    const kind = heat ? "heat" : "curve";
    const bare = filled && !ghost;
    const frame = { kind, ...numbers, ...this.shape, values, ghost: ghostRows, filled, ...scale, cut, bare };
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
    const all = powersOf(weights, header);
    // Of the finer ones of long kernels, every other frequency does for a tile.
    const n = fftLength(header, header.shape[2] > 64 ? 512 : 256, 2);
    const bins = header.complex ? n + 1 : n / 2 + 1;
    const every = Math.max(1, Math.round((all[0].length - 1) / (bins - 1)));
    const rows = new Float32Array(all.length * bins);
    all.forEach((powers, f) =>
      rows.set(decibels(every > 1 ? powers.filter((_, i) => i % every === 0) : powers), f * bins),
    );
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
   * taken anew when twice as much is there, so that scrubbing does not change it. Only steps between snapshots have a
   * scale of their own each: the first are so large that none of the later ones would show. */
  #limit(compared, values) {
    const { series, mode } = this;
    if (mode === "change" && stepsBack(compared.choice))
      return this.#limitsOf([this.#peaksOf(values)], rounding(series));
    const doublings = Math.ceil(Math.log2(series.loaded));
    if (this.#limitsKey.turned(doublings, series.loaded === series.count, mode === "change" && compared.key)) {
      const found = Array.from(this.#sample(), (position) => this.#peaksAt(position, compared)).filter(Boolean);
      this.#limits = this.#limitsOf(found, 0);
    }
    return this.#limits;
  }

  /** Limits for the peaks of all filters at some moments, none of them below `least`; those of letters beside them. */
  #limitsOf(found, least) {
    const highest = (kind) => {
      const sizes = new Float64Array(this.series.filters);
      for (const each of found) each[kind].forEach((peak, f) => (sizes[f] = Math.max(sizes[f], peak)));
      return sizes;
    };
    const cells = highest("cells");
    const fair = this.mode === "change" ? sharedLimit(cells, 0.9, 4) : sharedLimit(cells, 0.5, 2);
    const stacks = this.channels === "logo" ? highest("stacks") : null;
    return {
      ...this.#scaled(cells, fair, least),
      stacks: stacks && this.#scaled(stacks, fairLimit(stacks), least),
    };
  }

  /** One limit for all, or one for each of some sizes. */
  #scaled(sizes, fair, least = 0) {
    const limit = Math.max(fair, least);
    const limits = sizes.map((size) => (this.scale === "shared" ? limit : Math.max(size, least) || 1));
    return { limit, limits, clipped: beyond(sizes, limits).includes(true) };
  }

  /** The largest of every filter's rows, and the highest of its stacks of letters. */
  #peaksOf(rows) {
    const stacks = this.channels === "logo" ? stackPeaks(rows, this.header.shape) : null;
    return { cells: peaks(rows, this.series.filters), stacks };
  }

  /** The same of a loaded snapshot; null where there is nothing to compare it with. */
  #peaksAt(position, compared) {
    const weights = this.series.glance(position);
    if (this.mode !== "change") return this.#peaksOf(this.#tapRows(weights));
    const base = compared.moves ? compared.at(position).weights : compared.weights;
    return base && this.#peaksOf(this.#changeRows(weights, base));
  }

  #sample() {
    const { series } = this;
    const loaded = series.loadedPositions;
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
    this.#unpainted ||= came;
    // To paint takes longer than a slice of the work: it waits for some.
    const due = !more || performance.now() - this.#paintedAt > PATIENCE;
    if (!this.#painted || (this.#unpainted && due)) {
      this.#unpainted = false;
      const { rows, columns, signed } = this.#evolution;
      const values = this.#evolution.values();
      const own = peaks(values, series.filters);
      const scaled = this.#scaled(own, sharedLimit(own, 0.9, 4));
      this.#painted = { values, rows, columns, signed, ...scaled, cut: beyond(own, scaled.limits), more };
      this.#paintedAt = performance.now();
    }
    this.#painted.more = more;
    return this.#painted;
  }
}
