/** What a tile shows of a filter: its channels as they are, or reduced to one row. Real numbers in every case. */

import { centred, isLettered } from "./letters.js";
import { gap } from "./measures.js";

/** Up to so many channels, a filter is shown as all of them; above, as its principal temporal shape. */
const AUTO_LIMIT = 8;
const POWER_STEPS = 400;

/** @typedef {"all" | "principal" | "l2" | "logo"} Channels */

/** How channels are shown when the user has not chosen. @returns {Channels} */
export function autoChannels(header) {
  const [, channels, taps] = header.shape;
  if (isLettered(header) && taps > 1 && !header.complex) return "logo";
  return channels <= AUTO_LIMIT || taps === 1 || header.complex ? "all" : "principal";
}

/** Layout of rows: `{rows, columns, signed}` per filter. A pointwise filter lies along its channels. */
export function rowShape(header, channels) {
  const [, count, taps] = header.shape;
  const signed = !header.complex && channels !== "l2";
  if (taps === 1) return { rows: 1, columns: count, signed };
  return { rows: channels === "all" || channels === "logo" ? count : 1, columns: taps, signed };
}

/**
 * Rows of all filters, `filters x rows x columns`.
 *
 * @param {Float32Array} weights
 * @param {{shape: number[], complex: boolean}} header
 * @param {Channels} channels `logo`: all, less their mean at each tap.
 * @param {Float32Array | null} anchor Principal shapes of the reference, which fix the sign; `null` for the
 *   reference itself.
 */
export function displayRows(weights, header, channels, anchor) {
  const [filters, count, taps] = header.shape;
  const real = header.complex ? magnitudes(weights) : weights;
  if (channels === "all" || taps === 1 || (count === 1 && channels === "principal")) return real;
  if (channels === "logo") return centred(real, header.shape);
  const out = new Float32Array(filters * taps);
  for (let f = 0; f < filters; f++) {
    const at = f * count * taps;
    if (channels === "l2") l2(real, at, count, taps, out, f * taps);
    else principal(real, at, count, taps, anchor?.subarray(f * taps, (f + 1) * taps), out.subarray(f * taps));
  }
  return out;
}

/** Magnitudes of (real, imaginary) pairs. */
export function magnitudes(pairs) {
  const out = new Float32Array(pairs.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(pairs[2 * i] ** 2 + pairs[2 * i + 1] ** 2);
  return out;
}

/** `weights - other`, number by number, rounding aside. */
export function difference(weights, other) {
  const out = new Float32Array(weights.length);
  for (let i = 0; i < weights.length; i++) out[i] = gap(weights[i], other[i]);
  return out;
}

/** Root of the sum of squares over channels. */
function l2(weights, at, channels, taps, out, to) {
  for (let k = 0; k < taps; k++) {
    let sum = 0;
    for (let c = 0, i = at + k; c < channels; c++, i += taps) sum += weights[i] * weights[i];
    out[to + k] = Math.sqrt(sum);
  }
}

/** The right singular vector of a `channels x taps` filter times its singular value, by power iteration on the smaller
 * Gram matrix. Its sign is free: that of the anchor, or such that its largest tap is positive. */
function principal(weights, at, channels, taps, anchor, out) {
  const byTaps = taps <= channels;
  const size = byTaps ? taps : channels;
  const gram = gramMatrix(weights, at, channels, taps, byTaps);
  const { vector, value } = leading(gram, size);
  for (let k = 0; k < taps; k++) {
    let sum = 0;
    if (byTaps) sum = Math.sqrt(value) * vector[k];
    else for (let c = 0; c < channels; c++) sum += vector[c] * weights[at + c * taps + k];
    out[k] = sum;
  }
  let agreement = 0;
  let largest = 0;
  for (let k = 0; k < taps; k++) {
    if (anchor) agreement += out[k] * anchor[k];
    else if (Math.abs(out[k]) > largest) [largest, agreement] = [Math.abs(out[k]), out[k]];
  }
  if (agreement < 0) for (let k = 0; k < taps; k++) out[k] = -out[k];
}

/** Inner products of a filter's channels, or of its taps. */
export function gramMatrix(weights, at, channels, taps, byTaps) {
  const [size, across, step, stride] = byTaps ? [taps, channels, 1, taps] : [channels, taps, taps, 1];
  const gram = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let n = 0, a = at + i * step, b = at + j * step; n < across; n++, a += stride, b += stride) {
        sum += weights[a] * weights[b];
      }
      gram[i * size + j] = sum;
      gram[j * size + i] = sum;
    }
  }
  return gram;
}

/** Unit eigenvector of the largest eigenvalue of a positive matrix, and that value (NaN if not finite). */
export function leading(gram, size) {
  let vector = new Float64Array(size);
  let next = new Float64Array(size);
  let most = 0;
  for (let i = 0; i < size; i++) if (gram[i * size + i] > gram[most * size + most]) most = i;
  for (let i = 0; i < size; i++) vector[i] = gram[most * size + i];
  let value = normalise(vector);
  for (let step = 0; step < POWER_STEPS && value > 0; step++) {
    for (let i = 0, at = 0; i < size; i++) {
      let sum = 0;
      for (let j = 0; j < size; j++, at++) sum += gram[at] * vector[j];
      next[i] = sum;
    }
    const estimate = normalise(next);
    const settled = Math.abs(estimate - value) < 1e-12 * estimate;
    [vector, next, value] = [next, vector, estimate];
    if (settled) break;
  }
  return { vector, value };
}

/** Make a vector one of length 1; returns the length it had. */
export function normalise(vector) {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  const length = Math.sqrt(sum);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] /= length;
  return length;
}

/** Largest finite magnitude among each filter's rows. */
export function peaks(rows, filters) {
  const size = rows.length / filters;
  return Float64Array.from({ length: filters }, (_, f) => {
    let peak = 0;
    for (let i = f * size; i < (f + 1) * size; i++) {
      const value = Math.abs(rows[i]);
      if (value > peak && value < Infinity) peak = value;
    }
    return peak;
  });
}
