/** One filter over the whole run: its measures, and the rows of its heat maps. */

import { Directions } from "../numbers/direction.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { change, norms, rotations } from "../numbers/measures.js";
import { difference, displayRows, peaks } from "../numbers/rows.js";
import { decibels, fftLength, power } from "../numbers/spectrum.js";

/** Rows of the heat map of responses: more than it has pixels would only cost time. */
const MOST_SPECTRA = 160;

/**
 * @param {import("./series.js").Series} series With a reference.
 * @param {number} row The filter.
 * @returns {object} `positions` of the loaded snapshots with `rotation`, `change` and `norm` at each, and the `path`:
 *   how far the filter has moved in all; `taps`
 *   (`{values, rows, columns, signed, limit}`, difference from the reference, a row per snapshot) and `spectra` (dB).
 */
export function filterHistory(series, row) {
  const { header, filterSize, count } = series;
  const [, channels, length] = header.shape;
  const positions = [];
  const measures = { rotation: [], change: [], norm: [], path: [] };
  const base = series.referenceWeights.subarray(row * filterSize, (row + 1) * filterSize);
  const across = length === 1 ? channels : length;
  const signed = !header.complex;
  const directions = channels > 1 && length > 1 && signed ? directionsOf(series, row, base) : null;
  const taps = new Float32Array(count * across);
  const alone = { ...header, shape: [1, channels, length] };
  let before = null;
  for (let position = 0; position < count; position++) {
    if (!series.isLoaded(position)) {
      if (position) taps.copyWithin(position * across, (position - 1) * across, position * across);
      continue;
    }
    const now = series.filterWeights(position, row);
    positions.push(position);
    measures.norm.push(norms(now, 1, filterSize)[0]);
    measures.rotation.push(rotations(now, base, 1, filterSize)[0]);
    // Between snapshots that are not neighbours, a change is not that from one to the next.
    const adjacent = before !== null && positions.at(-2) === position - 1;
    measures.change.push(adjacent ? change(now, before) : NaN);
    measures.path.push((measures.path.at(-1) ?? 0) + (before ? distance(now, before) : 0));
    before = now;
    const moved = difference(now, base);
    const shown = directions?.rows(position, moved) ?? displayRows(moved, alone, signed ? "all" : "l2", null);
    taps.set(shown, position * across);
  }
  if (directions?.signs()[0] < 0) for (let i = 0; i < taps.length; i++) taps[i] = -taps[i];
  return {
    positions,
    ...measures,
    taps: { values: taps, rows: count, columns: across, signed, limit: peaks(taps, 1)[0] },
    spectra: withoutFrequencies(header) ? null : spectra(series, row, positions),
  };
}

function directionsOf(series, row, base) {
  const [, channels, taps] = series.header.shape;
  const read = (position) => difference(series.filterWeights(position, row), base);
  return new Directions([1, channels, taps], base, series.loadedPositions, read);
}

/** Of two states of a filter; 0 where one of them is no number. */
function distance(now, before) {
  return norms(difference(now, before), 1, now.length)[0] || 0;
}

function spectra(series, row, positions) {
  const { header, count } = series;
  const n = fftLength(header, 256, 2);
  const rows = Math.min(count, MOST_SPECTRA);
  let values = null;
  let next = 0;
  let known = -1;
  let line = null;
  for (let r = 0; r < rows; r++) {
    const target = Math.round((r / Math.max(rows - 1, 1)) * (count - 1));
    while (next < positions.length - 1 && positions[next + 1] <= target) next++;
    if (positions[next] !== known) {
      known = positions[next];
      line = decibels(power(series.filterWeights(known, row), 0, header, n));
    }
    values ??= new Float32Array(rows * line.length);
    values.set(line, r * line.length);
  }
  return { values, rows, columns: line.length };
}
