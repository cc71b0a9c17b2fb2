/** Channels that are the letters of a sequence, such as DNA: the numbers of their logos, as in
 * `filterscope/plots/drawing/logo.py`. */

import { quantile } from "./measures.js";

/** Whether the channels of a layer are letters: one capital each. Small ones are axes in space. */
export function isLettered({ channel_names: names }) {
  return Boolean(names && names.length > 1 && names.every((name) => /^\p{Lu}$/u.test(name)));
}

/** Why a layer has no frequencies to show; empty if it has. */
export function withoutFrequencies(header) {
  if (header.shape[2] === 1) return "A single tap has no frequencies";
  return isLettered(header) ? "Letters have no frequencies" : "";
}

/**
 * `filters x channels x taps`, each tap less the mean of its channels.
 *
 * @param {Float32Array} weights
 * @param {number[]} shape
 */
export function centred(weights, [filters, channels, taps]) {
  const out = new Float32Array(weights.length);
  for (let f = 0; f < filters; f++) {
    for (let k = 0; k < taps; k++) {
      const at = f * channels * taps + k;
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += weights[at + c * taps];
      for (let c = 0; c < channels; c++) out[at + c * taps] = weights[at + c * taps] - sum / channels;
    }
  }
  return out;
}

/**
 * How far the highest stack of every filter reaches, up or down.
 *
 * @param {Float32Array} values
 * @param {number[]} shape
 */
export function stackPeaks(values, [filters, channels, taps]) {
  return Float64Array.from({ length: filters }, (_, f) => {
    let peak = 0;
    for (let k = 0; k < taps; k++) peak = Math.max(peak, stackHeight(values, f * channels * taps + k, channels, taps));
    return peak;
  });
}

/** Height of one stack: `channels` values from `at` on, `step` apart. Those that are not finite are left out. */
export function stackHeight(values, at, channels, step) {
  let [up, down] = [0, 0];
  for (let c = 0, i = at; c < channels; c++, i += step) {
    const value = values[i];
    if (!(value - value === 0)) continue;
    if (value > 0) up += value;
    else down -= value;
  }
  return Math.max(up, down);
}

/** The height at the edge of every tile, such that half of the tiles use two thirds of theirs. */
export function fairLimit(peaks) {
  const largest = Math.max(...peaks) || 1;
  const fair = 1.5 * quantile(peaks, 0.5);
  return fair > 0 && fair < largest ? fair : largest;
}
