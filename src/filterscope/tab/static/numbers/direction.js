/** What several channels learned as one sum of them, as `filterscope/filters/channels.py` has it: along the direction
 * over channels that shows most of the newest difference, with the sign that it has had from the first moment on. */

import { displayRows, gramMatrix, leading, normalise } from "./rows.js";

/** Up to so many channels, signs are handed on from moment to moment; of more, the newest one alone tells. */
const HANDED_ON = 8;

/** Unit vector over channels of the best rank-one approximation of one filter; zeros if it is zero or not finite. */
function direction(weights, at, channels, taps) {
  const byTaps = taps < channels;
  const { vector, value } = leading(gramMatrix(weights, at, channels, taps, byTaps), byTaps ? taps : channels);
  if (!(value > 0 && value < Infinity)) return new Float64Array(channels);
  if (!byTaps) return vector;
  const over = new Float64Array(channels);
  for (let c = 0, i = at; c < channels; c++) for (let k = 0; k < taps; k++, i++) over[c] += weights[i] * vector[k];
  normalise(over);
  return over;
}

/** The differences of some filters over time, as rows of taps. */
export class Directions {
  /** By position: what tells the sign there. @type {Map<number, {vectors: Float64Array, agreement: Float64Array}>} */
  #moments = new Map();

  /**
   * @param {number[]} shape `filters x channels x taps`.
   * @param {Float32Array} reference Of this shape: at the first difference of a filter, it tells the sign.
   * @param {number[]} positions Of the moments there are, in the order of time.
   * @param {(position: number) => Float32Array} read The difference at one of them, in this shape.
   */
  constructor(shape, reference, positions, read) {
    const [filters, channels] = shape;
    this.shape = shape;
    this.anchors = displayRows(reference, { shape, complex: false }, "principal", null);
    /** Of every filter, the direction of its newest difference, and when that was. */
    this.vectors = new Float64Array(filters * channels);
    this.source = new Int32Array(filters).fill(-1);
    // A filter that ends as NaN has none there: it is looked for further and further back.
    for (let back = 0; back < positions.length && this.source.includes(-1); back = 2 * back + 1) {
      const position = positions.at(-1 - back);
      const found = this.#directions(read(position));
      for (let f = 0; f < filters; f++) {
        const one = found.subarray(f * channels, (f + 1) * channels);
        if (this.source[f] >= 0 || !one.some(Boolean)) continue;
        this.source[f] = position;
        this.vectors.set(one, f * channels);
      }
    }
  }

  #directions(moved) {
    const [filters, channels, taps] = this.shape;
    const found = new Float64Array(filters * channels);
    for (let f = 0; f < filters; f++) found.set(direction(moved, f * channels * taps, channels, taps), f * channels);
    return found;
  }

  /** The rows of one moment, `filters x taps`, of whose differences it is told; still without a sign. */
  rows(position, moved) {
    const [filters, channels] = this.shape;
    if (channels <= HANDED_ON || this.source.includes(position)) {
      const vectors = this.#directions(moved);
      this.#moments.set(position, { vectors, agreement: products(this.#along(moved, vectors), this.anchors, filters) });
    }
    return this.#along(moved, this.vectors);
  }

  #along(moved, vectors) {
    const [filters, channels, taps] = this.shape;
    const out = new Float32Array(filters * taps);
    for (let f = 0, to = 0; f < filters; f++) {
      for (let k = 0; k < taps; k++, to++) {
        let sum = 0;
        for (let c = 0, i = f * channels * taps + k; c < channels; c++, i += taps) {
          sum += vectors[f * channels + c] * moved[i];
        }
        out[to] = sum;
      }
    }
    return out;
  }

  /** What the rows of every filter are to be multiplied by, 1 or -1, as far as moments were told. */
  signs() {
    const [filters] = this.shape;
    const signs = new Float32Array(filters).fill(1);
    /** The sign and vectors of the moment before. */
    const before = new Float64Array(this.vectors.length);
    const handed = new Uint8Array(filters);
    for (const position of [...this.#moments.keys()].sort((a, b) => a - b)) {
      const { vectors, agreement } = this.#moments.get(position);
      const common = products(vectors, before, filters);
      const sizes = products(vectors, vectors, filters);
      for (let f = 0; f < filters; f++) {
        if (!sizes[f] || position > this.source[f]) continue;
        signs[f] = (handed[f] ? common[f] : agreement[f]) < 0 ? -1 : 1;
        handed[f] = 1;
        const size = vectors.length / filters;
        for (let c = f * size; c < (f + 1) * size; c++) before[c] = signs[f] * vectors[c];
      }
    }
    return signs;
  }
}

/** Inner products of the parts of two arrays that are each filter's. */
function products(one, other, filters) {
  const size = one.length / filters;
  return Float64Array.from({ length: filters }, (_, f) => {
    let sum = 0;
    for (let i = f * size; i < (f + 1) * size; i++) sum += one[i] * other[i];
    return sum;
  });
}
