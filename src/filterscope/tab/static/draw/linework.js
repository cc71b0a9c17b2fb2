/** Curves painted straight into pixels. A browser that draws without a GPU takes some 100 ms to stroke 64 curves of 251
 * taps; this takes two. Coverage of a pixel is how far it lies within the line; a curve's segments do not add up. */

import { blockStart } from "../numbers/reduce.js";

/** Device pixels per value below which a curve is drawn as its extent in each column of pixels. */
const DENSE = 0.6;
/** How much of the colour lies between the ends of an extent that a curve crosses again and again: as an area with an
 * outline, not as a blob. Where it goes through once, there is its line. */
const WITHIN = 0.5;

/**
 * A curve in one colour.
 *
 * @param {Uint32Array} sheet Packed RGBA, rows of `stride` pixels.
 * @param {import("./curve.js").Place} place In device pixels of the sheet: `left`, `slot` (pixels per value), `zero` (y of 0), `scale`
 *   (pixels per unit), and the clip `top`, `bottom`, `right`.
 * @param {ArrayLike<number>} values `count` of them from `at` on; not finite: a gap.
 * @param {number} colour Packed RGBA; its alpha is not used.
 * @param {number} width Device pixels.
 * @param {number} [within] Of an extent, how much of the colour lies between its ends.
 */
export function paintCurve(sheet, stride, place, values, at, count, colour, width, within = WITHIN) {
  const rgb = colour & 0xffffff;
  const clip = clipOf(sheet, stride, place);
  if (clip.bottom <= clip.top) return;
  if (place.slot < DENSE) {
    paintExtents(sheet, stride, clip, place, values, at, count, rgb, width / 2, within);
    return;
  }
  const { left, slot, zero, scale } = place;
  let x0 = 0;
  let y0 = NaN;
  for (let i = 0; i < count; i++) {
    const value = zero - values[at + i] * scale;
    const x1 = left + (i + 0.5) * slot;
    const y1 = value < place.top ? place.top : value > place.bottom ? place.bottom : value;
    if (y1 - y1 === 0 && y0 - y0 === 0) paintSegment(sheet, stride, clip, x0, y0, x1, y1, rgb, width / 2);
    x0 = x1;
    y0 = y1;
  }
}

function clipOf(sheet, stride, { left, right, top, bottom }) {
  return {
    left: Math.max(Math.floor(left), 0),
    right: Math.min(Math.ceil(right), stride),
    top: Math.max(Math.floor(top), 0),
    bottom: Math.min(Math.ceil(bottom), Math.floor(sheet.length / stride)),
  };
}

function paintSegment(sheet, stride, clip, x0, y0, x1, y1, rgb, half) {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const length = Math.sqrt(dx * dx + dy * dy);
  const reach = half + 0.5;
  const slope = dy / dx;
  const tall = (reach * length) / dx;
  const low = Math.min(y0, y1) - reach;
  const high = Math.max(y0, y1) + reach;
  const end = Math.min(Math.ceil(x1 + reach), clip.right);
  for (let column = Math.max(Math.floor(x0 - reach), clip.left); column < end; column++) {
    const px = column + 0.5 - x0;
    const middle = y0 + px * slope;
    const from = Math.max(Math.floor(Math.max(middle - tall, low)), clip.top);
    const to = Math.min(Math.ceil(Math.min(middle + tall, high)), clip.bottom);
    for (let row = from, target = from * stride + column; row < to; row++, target += stride) {
      const py = row + 0.5 - y0;
      const along = (px * dx + py * dy) / length;
      let distance;
      if (along < 0) distance = Math.sqrt(px * px + py * py);
      else if (along > length) distance = Math.sqrt((px - dx) ** 2 + (py - dy) ** 2);
      else distance = Math.abs(py * dx - px * dy) / length;
      cover(sheet, target, reach - distance, rgb);
    }
  }
}

/** Let a pixel be covered by a share of the colour, unless it already is by more. */
function cover(sheet, target, share, rgb) {
  if (share <= 0) return;
  const alpha = share >= 1 ? 255 : (share * 255) | 0;
  if (alpha > sheet[target] >>> 24) sheet[target] = (alpha << 24) | rgb;
}

/** What columns of pixels span, and how far a curve goes up and down in each: kept for the next curve. */
let spans = new Float64Array(3 * 512);

/** Work out the columns of a dense curve: `[upper, lower, way]` of each in pixels, NaN where one is a gap. */
function spanColumns({ zero, scale, top, bottom }, values, at, count, columns) {
  if (spans.length < 3 * columns) spans = new Float64Array(3 * columns);
  let last = NaN;
  for (let c = 0, i = at; c < columns; c++) {
    // The line comes from where it was in the column before.
    let [low, high, way, whole] = [last < bottom ? last : bottom, last > top ? last : top, 0, true];
    for (const next = at + blockStart(c + 1, count, columns); i < next; i++) {
      const value = values[i];
      let y = zero - value * scale;
      if (!(value - value === 0)) whole = false;
      if (y < top) y = top;
      else if (y > bottom) y = bottom;
      if (y < low) low = y;
      if (y > high) high = y;
      const step = y - last;
      if (step - step === 0) way += step > 0 ? step : -step;
      last = y;
    }
    spans[3 * c] = whole ? low : NaN;
    spans[3 * c + 1] = high;
    spans[3 * c + 2] = way;
  }
}

/** How often a curve crosses what it spans in a column and its neighbours: once along a line, more in an envelope. */
function crossings(c, columns) {
  const end = c + 1 < columns ? c + 1 : c;
  let [low, high, way] = [Infinity, -Infinity, 0];
  for (let near = c > 0 ? c - 1 : 0, k = 3 * near; near <= end; near++, k += 3) {
    if (spans[k] < low) low = spans[k];
    if (spans[k + 1] > high) high = spans[k + 1];
    way += spans[k + 2];
  }
  return high > low ? way / (high - low) : 1;
}

/** More values than pixels: every column spans from its smallest value to its largest, in full at both ends. */
function paintExtents(sheet, stride, clip, place, values, at, count, rgb, half, within) {
  const columns = Math.max(1, Math.round(count * place.slot));
  spanColumns(place, values, at, count, columns);
  for (let c = 0; c < columns; c++) {
    const [low, high] = [spans[3 * c], spans[3 * c + 1]];
    if (!(low <= high)) continue;
    const column = Math.floor(place.left) + c;
    if (column < clip.left || column >= clip.right) continue;
    const between = within < 1 ? Math.min(Math.max(2 - crossings(c, columns), within), 1) : 1;
    const [upper, lower] = [low - half, high + half];
    const to = Math.min(Math.ceil(lower), clip.bottom);
    for (let row = Math.max(Math.floor(upper), clip.top); row < to; row++) {
      const share = Math.min(row + 1, lower) - Math.max(row, upper);
      const inside = row >= low + half && row + 1 <= high - half;
      cover(sheet, row * stride + column, inside ? between : share, rgb);
    }
  }
}

/** The area between a curve and zero, at a fifth of its colour; to be painted before the curve. */
export function paintArea(sheet, stride, place, values, at, count, colour) {
  const clip = clipOf(sheet, stride, place);
  const { left, slot, zero, scale, top, bottom } = place;
  const tone = (51 << 24) | (colour & 0xffffff);
  const end = Math.min(clip.right, Math.floor(left + (count - 0.5) * slot));
  for (let column = Math.max(clip.left, Math.ceil(left + 0.5 * slot)); column < end; column++) {
    const here = (column + 0.5 - left) / slot - 0.5;
    const i = Math.min(Math.max(Math.floor(here), 0), count - 1);
    const next = Math.min(i + 1, count - 1);
    const value = values[at + i] + (here - i) * (values[at + next] - values[at + i]);
    if (!(value - value === 0)) continue;
    const y = Math.min(Math.max(zero - value * scale, top), bottom);
    const from = Math.max(Math.round(Math.min(y, zero)), clip.top);
    const to = Math.min(Math.round(Math.max(y, zero)), clip.bottom);
    for (let row = from; row < to; row++) sheet[row * stride + column] = tone;
  }
}
