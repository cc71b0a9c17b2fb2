/** One layer of one run in memory: its snapshots in order of step, kept as they came and widened on use. */

import { comparable } from "./against.js";
import { widen } from "./blob.js";

/** Snapshots that stay widened to float32: the shown one, its ghost, the reference, and their neighbours. */
const WIDENED = 8;

/** @typedef {{step: number, wall: number, header?: Header, weights?: Uint16Array | Float32Array, problem?: string}} Snapshot */
/** @typedef {import("./blob.js").Header} Header */

export class Series {
  #widened = new Map();
  #reference = { weights: null, wide: null };

  /**
   * @param {string} run
   * @param {import("./api.js").Layer} layer
   */
  constructor(run, layer) {
    this.run = run;
    this.layer = layer;
    /** Without header and weights until loaded. @type {Snapshot[]} */
    this.snapshots = [];
    this.bytes = 0;
    this.loaded = 0;
    /** Goes up with every change of what is loaded. */
    this.version = 0;
    /** What its time is counted in: `epoch`, or `step` as soon as a snapshot taken within an epoch is known. */
    this.unit = "epoch";
    /** @type {Header} */
    this.header = null;
    this.listed = false;
    /** What the server told of the layer when its snapshots were last listed. @type {import("./api.js").Layer | null} */
    this.listedAs = null;
  }

  /** Whether the server has told of other snapshots than those listed. */
  get behind() {
    const { layer, listedAs } = this;
    return listedAs?.latest !== layer.latest || listedAs?.max_step !== layer.max_step;
  }

  get count() {
    return this.snapshots.length;
  }

  /** Numbers per filter as they lie in memory: channels x taps, twice if complex. */
  get filterSize() {
    const [, channels, taps] = this.header.shape;
    return channels * taps * (this.header.complex ? 2 : 1);
  }

  get filters() {
    return this.header.shape[0];
  }

  /** The filter's number in its layer. */
  numberOf(row) {
    return this.header.indices === null ? row : this.header.indices[row];
  }

  rowOf(number) {
    const row = this.header.indices === null ? number : this.header.indices.indexOf(number);
    return row >= 0 && row < this.filters ? row : -1;
  }

  /** Take in the list of snapshots; what was loaded stays where step and wall time are still the same. */
  list(entries) {
    const before = new Map(this.snapshots.map((snapshot) => [snapshot.step, snapshot]));
    const changed = entries.length !== this.count || entries.some(([step, wall]) => before.get(step)?.wall !== wall);
    this.listed = true;
    if (!changed) return false;
    this.snapshots = entries.map(([step, wall]) => {
      const known = before.get(step);
      return known?.wall === wall ? known : { step, wall, header: null, weights: null, problem: null };
    });
    this.#recount();
    return true;
  }

  /** Take in what came: `{step, header, weights}` or `{step, problem}` each. */
  putAll(records) {
    for (const record of records) this.#put(record);
    this.#recount();
  }

  #put({ step, header, weights, problem }) {
    const position = this.positionOfStep(step);
    const snapshot = this.snapshots[position];
    if (!snapshot || snapshot.step !== step) return;
    if (header && this.header && !comparable(header, this.header)) {
      if (position < this.count - 1) problem = otherShape(header);
      else this.#restart(header);
    }
    this.#widened.delete(step);
    if (problem) {
      snapshot.problem = problem;
    } else {
      Object.assign(snapshot, { header, weights, problem: null });
      if (this.header === null || position === this.count - 1) this.header = header;
    }
  }

  /** The layer was resized: what was loaded of its old shape cannot be shown beside the new one. */
  #restart(header) {
    for (const snapshot of this.snapshots) {
      if (!snapshot.header) continue;
      Object.assign(snapshot, { problem: otherShape(snapshot.header), header: null, weights: null });
    }
    this.header = header;
    this.#widened.clear();
  }

  /** Forget the weights of one snapshot; they can be loaded again. */
  drop(position) {
    const snapshot = this.snapshots[position];
    snapshot.weights = null;
    this.#widened.delete(snapshot.step);
    this.#recount();
  }

  #recount() {
    this.bytes = this.snapshots.reduce((sum, { weights }) => sum + (weights?.byteLength ?? 0), 0);
    this.loaded = this.snapshots.reduce((sum, { weights }) => sum + (weights ? 1 : 0), 0);
    this.version += 1;
    this.unit = this.snapshots.some(({ header }) => header?.within_epoch) ? "step" : "epoch";
    this.reference = this.#findReference();
  }

  /** Position that rotation and difference are measured from: the last reference that is not all zero, since another
   * model may have gone on in the same run; -1 until one is loaded. A fit that went on from a checkpoint has none: its
   * first snapshot that is not zero. */
  #findReference() {
    const known = this.snapshots.map(({ header, weights }) => (weights && !isZero(weights) ? header : null));
    const last = known.findLastIndex((header) => header?.reference);
    return last >= 0 ? last : known.findIndex(Boolean);
  }

  isLoaded(position) {
    return Boolean(this.snapshots[position]?.weights);
  }

  /** All positions that are, in order. */
  get loadedPositions() {
    return this.snapshots.flatMap(({ weights }, i) => (weights ? [i] : []));
  }

  /** Nearest position that is loaded; -1 if none is. */
  nearest(position) {
    for (let reach = 0; reach < this.count; reach++) {
      if (this.isLoaded(position - reach)) return position - reach;
      if (this.isLoaded(position + reach)) return position + reach;
    }
    return -1;
  }

  /** Last position whose step is not beyond `step`; 0 if all are. */
  positionOfStep(step) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.snapshots[middle].step <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  epoch(position) {
    return this.snapshots[position]?.header?.epoch ?? null;
  }

  /** When a snapshot was taken, on the axis of its series or another; null where its epoch is not known. */
  time(position, unit = this.unit) {
    return unit === "step" ? this.snapshots[position].step : this.epoch(position);
  }

  /** The same in words: `epoch 12`; its step where the epoch is not known. */
  moment(position, unit = this.unit) {
    const time = this.time(position, unit);
    return time === null ? this.moment(position, "step") : `${unit} ${time}`;
  }

  /** What two series have in common to count time in. */
  unitWith(other) {
    return this.unit === "step" ? this.unit : other.unit;
  }

  /** Loaded position nearest in time to one of another series; -1 if none is loaded. */
  nearestTo(other, position) {
    const unit = this.unitWith(other);
    const distance = (i) => Math.abs(this.time(i, unit) - other.time(position, unit));
    let best = -1;
    this.snapshots.forEach(({ weights }, i) => {
      if (!weights || this.time(i, unit) === null) return;
      if (best < 0 || distance(i) <= distance(best)) best = i;
    });
    return best;
  }

  /** The reference's weights in float32, the same array for as long as it is the same reference; null without one. */
  get referenceWeights() {
    const weights = this.snapshots[this.reference]?.weights ?? null;
    if (this.#reference.weights !== weights) this.#reference = { weights, wide: weights && widen(weights) };
    return this.#reference.wide;
  }

  /** Weights in float32 for one use. */
  glance(position) {
    return position === this.reference ? this.referenceWeights : widen(this.snapshots[position].weights);
  }

  /** All weights of a loaded snapshot in float32, `filters x filterSize`. */
  weights(position) {
    if (position === this.reference) return this.referenceWeights;
    const { step, weights } = this.snapshots[position];
    let wide = this.#widened.get(step);
    if (wide) this.#widened.delete(step);
    else wide = widen(weights);
    this.#widened.set(step, wide);
    if (this.#widened.size > WIDENED) this.#widened.delete(this.#widened.keys().next().value);
    return wide;
  }

  /** The weights of one filter of a loaded snapshot. */
  filterWeights(position, row) {
    const size = this.filterSize;
    return widen(this.snapshots[position].weights, row * size, (row + 1) * size);
  }
}

const otherShape = ({ shape }) => `the layer had another shape then: ${shape.join(" × ")}`;

/** Half floats are told by their bits: -0 is 0x8000. */
function isZero(weights) {
  return weights instanceof Uint16Array
    ? weights.every((bits) => (bits & 0x7fff) === 0)
    : weights.every((value) => value === 0);
}
