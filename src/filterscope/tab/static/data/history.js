/** One filter over the whole run: its measures, and the rows of its heat maps. */

import { isLettered } from "../numbers/channels.js";
import { changes, norms, rotations } from "../numbers/measures.js";
import { difference, l2, magnitudes, peaks } from "../numbers/rows.js";
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
  const size = filterSize;
  const base = series.referenceWeights.subarray(row * size, (row + 1) * size);
  const across = length === 1 ? channels : length;
  const signed = (channels === 1 || length === 1) && !header.complex;
  const taps = new Float32Array(count * across);
  const moved = new Float32Array(size);
  let before = null;
  for (let position = 0; position < count; position++) {
    if (!series.isLoaded(position)) {
      if (position) taps.copyWithin(position * across, (position - 1) * across, position * across);
      continue;
    }
    const now = series.filterWeights(position, row);
    positions.push(position);
    measures.norm.push(norms(now, 1, size)[0]);
    measures.rotation.push(rotations(now, base, 1, size)[0]);
    // Between snapshots that are not neighbours, a change is not that from one to the next.
    const adjacent = before !== null && positions.at(-2) === position - 1;
    measures.change.push(adjacent ? changes(now, before, 1, size)[0] : NaN);
    measures.path.push((measures.path.at(-1) ?? 0) + (before ? distance(now, before) : 0));
    before = now;
    difference(now, base, moved);
    if (signed) taps.set(moved, position * across);
    else spread(moved, header, taps, position * across);
  }
  return {
    positions,
    ...measures,
    taps: { values: taps, rows: count, columns: across, signed, limit: peaks(taps, 1)[0] || 1 },
    spectra: length > 1 && !isLettered(header) ? spectra(series, row, positions) : null,
  };
}

/** Of two states of a filter; 0 where one of them is no number. */
function distance(now, before) {
  return norms(difference(now, before), 1, now.length)[0] || 0;
}

/** Root of the sum of squares over channels. */
function spread(moved, { shape: [, channels, taps], complex }, out, to) {
  const real = complex ? magnitudes(moved) : moved;
  if (taps === 1) out.set(real, to);
  else l2(real, 0, channels, taps, out, to);
}

function spectra(series, row, positions) {
  const { header, count } = series;
  const [, channels, taps] = header.shape;
  const n = fftLength(header, 256, 2);
  const rows = Math.min(count, MOST_SPECTRA);
  let columns = 0;
  let values = null;
  let next = 0;
  let known = -1;
  let line = null;
  for (let r = 0; r < rows; r++) {
    const target = Math.round((r / Math.max(rows - 1, 1)) * (count - 1));
    while (next < positions.length - 1 && positions[next + 1] <= target) next++;
    if (positions[next] !== known) {
      known = positions[next];
      line = decibels(power(series.filterWeights(known, row), 0, channels, taps, header.complex, n));
    }
    columns = line.length;
    values ??= new Float32Array(rows * columns);
    values.set(line, r * columns);
  }
  return { values, rows, columns };
}
