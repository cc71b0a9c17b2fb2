/** Lines and stems of a filter over its taps. */

import { blockStart, extent } from "../numbers/reduce.js";

/** Kernels up to this length are drawn as stems, one per tap. */
export const STEM_TAPS = 8;

/**
 * Where a row of values lies: left edge, width of a slot, pixel of zero, pixels per unit, and the edges that clip.
 *
 * @typedef {{left: number, slot: number, zero: number, scale: number, top: number, bottom: number, right: number}} Place
 */

const clip = (y, top, bottom) => (y < top ? top : y > bottom ? bottom : y);

/** The place of `count` values over the whole width of a box. @returns {Place} */
export function placeIn({ x, y, w, h }, count, zero, scale) {
  return { left: x, right: x + w, slot: w / count, zero, scale, top: y, bottom: y + h };
}

/**
 * A line through values; it breaks at NaN. More values than pixels become their extremes per pixel.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} values
 * @param {Place} place
 * @param {string} colour
 * @param {number} width CSS pixels.
 */
export function strokeLine(context, values, place, colour, width) {
  context.beginPath();
  if (place.slot < 0.5) traceExtremes(context, values, place);
  else traceValues(context, values, place);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function traceValues(context, values, { left, slot, zero, scale, top, bottom }) {
  let broken = true;
  for (let i = 0; i < values.length; i++) {
    const y = zero - values[i] * scale;
    if (!(y - y === 0)) {
      broken = true;
      continue;
    }
    const x = left + (i + 0.5) * slot;
    if (broken) context.moveTo(x, clip(y, top, bottom));
    else context.lineTo(x, clip(y, top, bottom));
    broken = false;
  }
}

function traceExtremes(context, values, { left, slot, zero, scale, top, bottom }) {
  const count = values.length;
  const columns = Math.max(1, Math.round(count * slot));
  const ends = [0, 0];
  let broken = true;
  for (let column = 0; column < columns; column++) {
    const [first, next] = [blockStart(column, count, columns), blockStart(column + 1, count, columns)];
    extent(values, first, next - first, ends);
    if (Number.isNaN(ends[0])) {
      broken = true;
      continue;
    }
    if (values[next - 1] < values[first]) ends.reverse();
    const x = left + column + 0.5;
    const [from, to] = ends.map((end) => clip(zero - end * scale, top, bottom));
    if (broken) context.moveTo(x, from);
    else context.lineTo(x, from);
    context.lineTo(x, to);
    broken = false;
  }
}

/** A bar for each of `count` values from `at` on, from the zero line; `share` of the slot wide. */
export function paintStems(context, values, at, count, place, share, colour) {
  context.beginPath();
  traceStems(context, values, at, count, place, share);
  context.fillStyle = colour;
  context.fill();
}

/** The same, added to the current path. */
export function traceStems(context, values, at, count, { left, slot, zero, scale, top, bottom }, share) {
  const width = Math.max(Math.min(slot, 44) * share, 1.5);
  for (let i = 0; i < count; i++) {
    const y = zero - values[at + i] * scale;
    if (!(y - y === 0)) continue;
    const inside = clip(y, top, bottom);
    const x = left + (i + 0.5) * slot - width / 2;
    // A weight of nearly nothing still shows that there is a tap.
    const height = Math.max(Math.abs(inside - zero), 1);
    context.rect(x, inside < zero ? zero - height : zero, width, height);
  }
}
