/** All layers of a run on one axis of time: where steps lie on it, and which change was whose. */

/** Decades that the scale of change spans at most: what changes less is as good as still. */
const DECADES = 3;
/** A curve of positive values that spans more is drawn on a logarithmic axis. */
const WIDE = 50;

/** Whether values from `low` to `high` are read on a logarithmic axis. */
export function isWide(low, high) {
  return low > 0 && high > WIDE * low;
}

/**
 * From steps to epochs, straight between those that are known; steps themselves where they are the axis.
 *
 * @param {"epoch" | "step"} unit
 * @param {[number, number][]} clock Steps and their epochs, in order of step.
 */
export function timeOf(unit, clock) {
  const known = clock.filter(([step], i) => i === 0 || step > clock[i - 1][0]);
  if (unit === "step" || !known.length) return (step) => step;
  if (known.length === 1) return (step) => known[0][1] + (step > known[0][0] ? 1 : 0);
  return (step) => {
    let i = 1;
    while (i < known.length - 1 && known[i][0] < step) i++;
    // Past the end it goes on as it did before, not as the weights that were recorded after the last epoch.
    if (step > known[i][0] && known[i][1] === known[i - 1][1] && i > 1) i -= 1;
    const [[step0, epoch0], [step1, epoch1]] = [known[i - 1], known[i]];
    return epoch0 + ((step - step0) / (step1 - step0)) * (epoch1 - epoch0);
  };
}

/** `[low, high]` of the logarithmic scale that all layers share: the largest change, and the least of some size. */
export function changeLimits(layers) {
  let low = Infinity;
  let high = 0;
  for (const { values } of layers) {
    for (const value of values) {
      if (!(value > 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!high) return [1e-3, 1];
  low = Math.max(low, high / 10 ** DECADES);
  return low > high / 2 ? [high / 10, high] : [low, high];
}

/** Where a change lies on that scale, 0 to 1; NaN for what is no number. */
export function changeShare(value, [low, high]) {
  if (value === null || Number.isNaN(value)) return NaN;
  return Math.min(Math.max(Math.log(value / low) / Math.log(high / low), 0), 1);
}

/** First of the sorted `times` that is not before a time; the last if all are. */
export function cellAt(times, time) {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] >= time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where a time lies among the sorted `times`, as a position with a fraction. */
export function placeOfTime(times, time) {
  const next = cellAt(times, time);
  if (next === 0 || times[next] <= time) return next;
  return next - (times[next] - time) / (times[next] - times[next - 1]);
}

/**
 * The largest change within each column of pixels; `null` where one is no number, `undefined` where there is none.
 *
 * @param {{times: number[], values: (number | null)[], start: number}} layer `times` at which snapshots were taken, `values` of the change up to each, `start` of the first.
 * @param {{low: number, high: number}} axis Of time.
 * @param {number} columns
 */
export function changeColumns({ times, values, start }, axis, columns) {
  const result = new Array(columns);
  const each = (axis.high - axis.low) / columns;
  let i = 0;
  for (let column = 0; column < columns; column++) {
    const from = axis.low + column * each;
    const to = column === columns - 1 ? axis.high : from + each;
    while (i < times.length && times[i] <= from) i++;
    if (to <= start) continue;
    for (let k = i; k < times.length; k++) {
      const found = values[k];
      if (result[column] !== null && (found === null || !(result[column] >= found))) result[column] = found;
      if (times[k] >= to) break;
    }
  }
  return result;
}

/** The value of a curve of `[time, value]` nearest to a time; null without one. */
export function nearestValue(curve, time) {
  let best = null;
  for (const point of curve) {
    if (!best || Math.abs(point[0] - time) < Math.abs(best[0] - time)) best = point;
  }
  return best?.[1] ?? null;
}
