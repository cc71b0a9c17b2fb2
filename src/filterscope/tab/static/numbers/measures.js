/** How filters change: the formulas of `filterscope/filters/metrics.py`. A filter is the vector of all its numbers
 * (complex weights count as pairs). Where a formula is undefined, the answer is NaN. */

/** Share of the median norm below which a filter is dead. */
const DEAD = 0.01;

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** A number as half floats keep it. */
function halved(value) {
  // Below the normal ones, half floats lie evenly.
  if (Math.abs(value) < 2 ** -14) return (value * 2 ** 24 + 1.5 * 2 ** 52 - 1.5 * 2 ** 52) / 2 ** 24;
  single[0] = value;
  bits[0] = (bits[0] + 0xfff + ((bits[0] >> 13) & 1)) & ~0x1fff;
  return single[0];
}

/** `now - then`; 0 where nothing but rounding to half floats parts the two: a reference is recorded exactly and the
 * snapshots after it are not, so that of a frozen layer the rest would be noise. */
export function gap(now, then) {
  const difference = now - then;
  const small = Math.abs(difference) < 2 ** -10 * Math.abs(now) || Math.abs(difference) <= 2 ** -25;
  return small && (now === halved(then) || then === halved(now)) ? 0 : difference;
}

/** Euclidean norm of every filter; `size` numbers each. */
export function norms(weights, filters, size) {
  const result = new Float64Array(filters);
  for (let f = 0, at = 0; f < filters; f++) {
    let sum = 0;
    for (const end = at + size; at < end; at++) sum += weights[at] * weights[at];
    result[f] = Math.sqrt(sum);
  }
  return result;
}

/** `1 - cos(filter, reference filter)`: 0 unmoved, 1 orthogonal; NaN where either norm is zero. */
export function rotations(weights, reference, filters, size) {
  const result = new Float64Array(filters);
  for (let f = 0, at = 0; f < filters; f++) {
    let dot = 0;
    let own = 0;
    let other = 0;
    for (const end = at + size; at < end; at++) {
      const a = weights[at];
      const b = reference[at];
      dot += a * b;
      own += a * a;
      other += b * b;
    }
    const product = Math.sqrt(own) * Math.sqrt(other);
    result[f] = product > 0 ? 1 - Math.min(Math.max(dot / product, -1), 1) : NaN;
  }
  return result;
}

/** `|w - previous| / |previous|` of one filter, rounding aside; NaN where the previous one was zero. */
export function change(weights, previous) {
  let step = 0;
  let before = 0;
  for (let i = 0; i < weights.length; i++) {
    const d = gap(weights[i], previous[i]);
    step += d * d;
    before += previous[i] * previous[i];
  }
  return before > 0 ? Math.sqrt(step / before) : NaN;
}

/** `|w - other|` of every filter, rounding aside. */
export function distances(weights, other, filters, size) {
  const result = new Float64Array(filters);
  for (let f = 0, at = 0; f < filters; f++) {
    let sum = 0;
    for (const end = at + size; at < end; at++) sum += gap(weights[at], other[at]) ** 2;
    result[f] = Math.sqrt(sum);
  }
  return result;
}

/** The `share` quantile of the finite numbers among `values`, interpolated as numpy does; 0 if there are none. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  if (!sorted.length) return 0;
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** What to say of every filter: `"NaN"`, `"dead"` (norm below 1 % of the median, or zero) or `""`. */
export function marks(sizes) {
  const least = DEAD * quantile(sizes, 0.5);
  return Array.from(sizes, (size) => (!Number.isFinite(size) ? "NaN" : size === 0 || size < least ? "dead" : ""));
}

/** The limit that all tiles share, as in filterscope's pictures: so many times a quantile of the peaks that are not
 * zero, unless none is larger. Never 0. */
export function sharedLimit(peaks, share, times) {
  let largest = 0;
  for (const peak of peaks) if (Number.isFinite(peak)) largest = Math.max(largest, peak);
  const fair =
    times *
    quantile(
      peaks.filter((peak) => peak > 0),
      share,
    );
  return (fair > 0 ? Math.min(fair, largest) : largest) || 1;
}

/** Which of the peaks go beyond their limits, by more than rounding. */
export function beyond(peaks, limits) {
  return Array.from(peaks, (peak, f) => peak > limits[f] * (1 + 1e-6));
}
