/** One snapshot, filter by filter: its measures and its response. */

import { marks, norms, rotations } from "../numbers/measures.js";
import { decibels, fftLength, frequencyAxis, peakFrequency, power, responses } from "../numbers/spectrum.js";

/** Per-filter numbers of one snapshot: `{rotation, norm, marks}`. */
export function measure(series, position) {
  const weights = series.weights(position);
  const { filters, filterSize, referenceWeights } = series;
  const norm = norms(weights, filters, filterSize);
  const rotation = referenceWeights
    ? rotations(weights, referenceWeights, filters, filterSize)
    : new Float64Array(filters).fill(NaN);
  return { norm, rotation, marks: marks(norm) };
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
  const [, channels, taps] = header.shape;
  const weights = series.filterWeights(position, row);
  return peakFrequency(
    decibels(power(weights, 0, channels, taps, header.complex, fftLength(header))),
    frequencyAxis(header),
  );
}
