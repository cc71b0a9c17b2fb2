/** Which moments of a filter tell how it came about. */

/**
 * First, last, and those between at equal parts of the way from one to the other. The way is half time, half what the
 * filter has moved: a filter that moves early shows its early moments, and one that never does is spread evenly.
 *
 * @param {number[]} times Ascending.
 * @param {number[]} path How far the filter had moved by each of them, in all.
 * @param {number} most How many at most.
 * @returns {number[]} Places in `times`, ascending.
 */
export function tellingMoments(times, path, most) {
  const count = times.length;
  if (count <= most) return times.map((_, i) => i);
  const share = (values, i) => (values[i] - values[0]) / (values.at(-1) - values[0] || 1);
  const moves = path.at(-1) > path[0];
  const way = (i) => (moves ? (share(times, i) + share(path, i)) / 2 : share(times, i));
  const chosen = [0];
  for (let k = 1; k < most - 1; k++) {
    const target = k / (most - 1);
    let i = chosen[k - 1] + 1;
    // Enough have to be left for those that follow.
    const end = count - (most - k);
    while (i < end && Math.abs(way(i + 1) - target) <= Math.abs(way(i) - target)) i++;
    chosen.push(i);
  }
  return [...chosen, count - 1];
}
