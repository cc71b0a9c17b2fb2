/** Lines and stems of a filter over its taps, added to the current path of a canvas. */

import { blockStart, extent } from "../numbers/reduce.js";

/** Kernels up to this length are drawn as stems, one per tap. */
export const STEM_TAPS = 8;

/**
 * Where a row of values lies: left edge, width of a slot, pixel of zero, pixels per unit, and the edges that clip.
 *
 * @typedef {{left: number, slot: number, zero: number, scale: number, top: number, bottom: number, right: number}} Place
 */

/**
 * A line through values; it breaks at NaN. More values than pixels become their extremes per pixel.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} values `count` of them from `at` on.
 * @param {Place} place
 */
export function traceLine(context, values, at, count, place) {
  const { left, slot, zero, scale, top, bottom } = place;
  if (slot < 0.5) {
    traceExtremes(context, values, at, count, place);
    return;
  }
  let broken = true;
  for (let i = 0; i < count; i++) {
    const value = values[at + i];
    const y = zero - value * scale;
    if (!(y - y === 0)) {
      broken = true;
      continue;
    }
    const x = left + (i + 0.5) * slot;
    const inside = y < top ? top : y > bottom ? bottom : y;
    if (broken) context.moveTo(x, inside);
    else context.lineTo(x, inside);
    broken = false;
  }
}

function traceExtremes(context, values, at, count, { left, slot, zero, scale, top, bottom }) {
  const columns = Math.max(1, Math.round(count * slot));
  const clip = (y) => (y < top ? top : y > bottom ? bottom : y);
  const ends = [0, 0];
  let broken = true;
  for (let column = 0; column < columns; column++) {
    const [first, next] = [blockStart(column, count, columns), blockStart(column + 1, count, columns)];
    extent(values, at + first, next - first, ends);
    if (Number.isNaN(ends[0])) {
      broken = true;
      continue;
    }
    if (values[at + next - 1] < values[at + first]) ends.reverse();
    const x = left + column + 0.5;
    if (broken) context.moveTo(x, clip(zero - ends[0] * scale));
    else context.lineTo(x, clip(zero - ends[0] * scale));
    context.lineTo(x, clip(zero - ends[1] * scale));
    broken = false;
  }
}

/** A bar per value from the zero line; `share` of the slot wide. */
export function traceStems(context, values, at, count, { left, slot, zero, scale, top, bottom }, share) {
  const width = Math.max(Math.min(slot, 44) * share, 1.5);
  for (let i = 0; i < count; i++) {
    const y = zero - values[at + i] * scale;
    if (!(y - y === 0)) continue;
    const inside = y < top ? top : y > bottom ? bottom : y;
    const x = left + (i + 0.5) * slot - width / 2;
    // A weight of nearly nothing still shows that there is a tap.
    const height = Math.max(Math.abs(inside - zero), 1);
    context.rect(x, inside < zero ? zero - height : zero, width, height);
  }
}
