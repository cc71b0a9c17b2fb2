/** What is shown of more values than there are pixels, as in filterscope's pictures: the extremes of each block. In a
 * mean plus and minus cancel, and a filter of a high frequency would look as if it were dead. */

/** Where a block of so many begins among `count` values; the last one ends where the next would begin. */
export function blockStart(block, count, blocks) {
  return Math.floor((block * count) / blocks);
}

/** The one of larger magnitude; of plus and minus alike the plus; NaN if either is. */
export function stronger(a, b) {
  const [sizeA, sizeB] = [Math.abs(a), Math.abs(b)];
  if (sizeA === sizeB) return Math.max(a, b);
  return sizeA > sizeB ? a : sizeB > sizeA ? b : NaN;
}

/** The value of largest magnitude in rows `r0` to `r1` and columns `c0` to `c1`, both less the last. */
export function signedExtreme(values, at, columns, r0, r1, c0, c1) {
  let low = Infinity;
  let high = -Infinity;
  for (let r = r0; r < r1; r++) {
    for (let i = at + r * columns + c0, end = at + r * columns + c1; i < end; i++) {
      const value = values[i];
      if (!(value - value === 0)) return NaN;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return high >= -low ? high : low;
}

/** Write the least and the largest of `count` values from `at` on into `out`; NaN where one is not finite. */
export function extent(values, at, count, out) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = at; i < at + count; i++) {
    const value = values[i];
    if (!(value - value === 0)) low = high = NaN;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  out[0] = low;
  out[1] = high;
}
