/** Heat maps at device pixels: cells are repeated where there is room, and blocks show their extreme where not. */

import { blockStart, signedExtreme } from "../numbers/reduce.js";

const known = new Map();

/** Which cells each pixel covers: `[first, past last]` per pixel. */
function spans(cells, pixels) {
  const key = cells * 65536 + pixels;
  if (known.has(key)) return known.get(key);
  const result = new Int32Array(2 * pixels);
  for (let p = 0; p < pixels; p++) {
    const first = blockStart(p, cells, pixels);
    result[2 * p] = first;
    result[2 * p + 1] = Math.max(first + 1, blockStart(p + 1, cells, pixels));
  }
  if (known.size > 64) known.clear();
  known.set(key, result);
  return result;
}

/**
 * Paint a matrix into a sheet of packed RGBA pixels.
 *
 * @param {Uint32Array} sheet Rows of `stride` pixels.
 * @param {{x: number, y: number, w: number, h: number}} box Where, in pixels.
 * @param {Float32Array} values `rows x columns` numbers from `at` on.
 * @param {{table: Uint32Array, low: number, high: number, broken: number}} scale Colours from the value `low` to
 *   `high`, and that of NaN and infinity.
 */
export function paintHeat(sheet, stride, box, values, at, rows, columns, scale) {
  const { table, low, high, broken } = scale;
  const across = spans(columns, box.w);
  const down = spans(rows, box.h);
  const reduced = columns > box.w || rows > box.h;
  const last = table.length - 1;
  const factor = last / (high - low);
  const colourOf = (value) => {
    if (!(value - value === 0)) return broken;
    const place = (value - low) * factor + 0.5;
    return table[place <= 0 ? 0 : place >= last ? last : place | 0];
  };
  const first = Math.max(0, -box.y);
  const end = Math.min(box.h, Math.floor(sheet.length / stride) - box.y);
  for (let y = first; y < end; y++) {
    const target = (box.y + y) * stride + box.x;
    const r0 = down[2 * y];
    const r1 = down[2 * y + 1];
    if (y > first && r0 === down[2 * y - 2] && r1 === down[2 * y - 1]) {
      sheet.copyWithin(target, target - stride, target - stride + box.w);
      continue;
    }
    let c0 = -1;
    let c1 = -1;
    let colour = 0;
    for (let x = 0; x < box.w; x++) {
      if (across[2 * x] !== c0 || across[2 * x + 1] !== c1) {
        c0 = across[2 * x];
        c1 = across[2 * x + 1];
        const value = reduced ? signedExtreme(values, at, columns, r0, r1, c0, c1) : values[at + r0 * columns + c0];
        colour = colourOf(value);
      }
      sheet[target + x] = colour;
    }
  }
}
