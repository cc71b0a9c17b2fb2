/** What happened over the snapshots of a layer, and which moments stand out. */

/**
 * @typedef {object} Track
 * @property {"epoch" | "step"} unit Of time.
 * @property {number[]} times When each snapshot was taken.
 * @property {Line} own The shown run's.
 * @property {Line | null} other The run's that it is compared with.
 * @property {string | null} scalar Its name.
 * @property {[number, number] | null} limits Of the scale of changes; null without any.
 * @property {boolean} wide Whether that scale is logarithmic.
 * @property {(value: number) => number} share Where a change lies on its scale, 0 to 1.
 * @property {(value: number) => number} level Likewise a value of the scalar.
 *
 * @typedef {object} Line
 * @property {[number, number | null][]} changes Place among the shown run's snapshots, and the change up to there.
 * @property {[number, number | null][]} curve Place and value of the scalar.
 */

/** Of two large changes closer than this share of the snapshots, the smaller is part of the same event. */
const APART = 1 / 64;

/**
 * The largest changes, the largest first; of long trainings those that lie apart.
 *
 * @param {[number, number | null][]} changes Places among the snapshots, in order, and what changed up to each.
 * @param {number} count Of the snapshots.
 * @param {number} most
 * @returns {[number, number | null][]}
 */
export function largestMoments(changes, count, most) {
  const reach = Math.max(count * APART, 1) - 0.5;
  const sorted = changes.filter(([, value]) => value > 0).sort((one, other) => other[1] - one[1]);
  const found = [];
  for (const each of sorted) {
    if (found.length === most) break;
    if (found.every(([place]) => Math.abs(place - each[0]) > reach)) found.push(each);
  }
  return found;
}

/**
 * Coordinates moved as little to the right as keeps them apart, and back where that leads beyond the end.
 *
 * @param {number[]} places
 * @param {number} gap
 * @param {number} end
 * @returns {number[]}
 */
export function spread(places, gap, end) {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const result = [...places];
  for (let k = 1; k < order.length; k++) {
    result[order[k]] = Math.max(result[order[k]], result[order[k - 1]] + gap);
  }
  for (let k = order.length - 1, most = end; k >= 0; k--, most -= gap) {
    result[order[k]] = Math.min(result[order[k]], most);
  }
  return result;
}
