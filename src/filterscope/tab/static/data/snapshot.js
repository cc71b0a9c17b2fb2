/** One snapshot, filter by filter: its measures and its response. */

import { distances, gap, marks, norms, rotations } from "../numbers/measures.js";
import { decibels, fftLength, frequencyAxis, peakFrequency, power, responses } from "../numbers/spectrum.js";

/** Measures by weights, and what these are compared with: for as long as the weights are kept. */
const kept = new WeakMap();
const NOTHING = {};

/**
 * Per-filter numbers of one snapshot.
 *
 * @param {import("./series.js").Series} series
 * @param {number} position A loaded one.
 * @param {Float32Array | null} base Weights to measure rotation from; null: of none is told.
 * @returns {{rotation: Float64Array, norm: Float64Array, marks: string[]}}
 */
export function measure(series, position, base) {
  const weights = series.weights(position);
  const pairs = kept.get(weights) ?? new WeakMap();
  kept.set(weights, pairs);
  const found = pairs.get(base ?? NOTHING);
  if (found) return found;
  const { filters, filterSize } = series;
  const norm = norms(weights, filters, filterSize);
  const rotation = base ? rotations(weights, base, filters, filterSize) : new Float64Array(filters).fill(NaN);
  const made = { norm, rotation, marks: marks(norm) };
  pairs.set(base ?? NOTHING, made);
  return made;
}

/** How far every filter of one snapshot is from other weights: the norm of the difference; NaN without those. */
export function moved(series, position, base) {
  const { filters, filterSize } = series;
  return base ? distances(series.weights(position), base, filters, filterSize) : new Float64Array(filters).fill(NaN);
}

/** Whether the newest snapshot that is there is another one than the reference.
 * @param {import("./series.js").Series} series */
export function hasLearned(series) {
  const { reference } = series;
  const newest = series.nearest(series.count - 1);
  if (reference < 0 || newest <= reference) return false;
  const [then, now] = [reference, newest].map((position) => series.weights(position));
  return now.some((value, i) => gap(value, then[i]) !== 0);
}

const known = new WeakMap();

/** Power responses of all filters, of so many frequencies as the pictures have.
 * @returns {Float64Array[]} */
export function powersOf(weights, header) {
  if (!known.has(weights))
    known.set(
      weights,
      responses(weights, header, fftLength(header, 256), (powers) => powers),
    );
  return known.get(weights);
}

/** Peak frequency of every filter of one snapshot. */
export function peakFrequencies(series, position) {
  const { header } = series;
  const axis = frequencyAxis(header);
  const peak = (powers) => peakFrequency(decibels(powers), axis);
  return responses(series.weights(position), header, fftLength(header), peak);
}

/** The same of one filter. */
export function peakOf(series, position, row) {
  const { header } = series;
  const powers = power(series.filterWeights(position, row), 0, header, fftLength(header));
  return peakFrequency(decibels(powers), frequencyAxis(header));
}
