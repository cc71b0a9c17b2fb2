/** What happened over the snapshots of a layer: its changes and a scalar of the run, each at its place among them. */

import { changeLimits, changeShare, isWide, nearestValue, placeOfTime } from "../numbers/timeline.js";

/** Changes that span more are drawn on a logarithmic scale. */
const DECADE = 10;

/** Where a step lies between the snapshots, as a position with a fraction. */
export function placeOfStep(series, step) {
  const i = series.positionOfStep(step);
  const [one, other] = [series.snapshots[i], series.snapshots[i + 1]];
  if (!other || step <= one.step) return i;
  return i + (step - one.step) / (other.step - one.step);
}

/** What time is counted in, and when each snapshot was taken: one that has not come yet in line with those that have. */
function timesOf({ unit, snapshots }) {
  const steps = snapshots.map(({ step }) => step);
  const known =
    unit === "epoch" ? snapshots.flatMap(({ header }, i) => (Number.isFinite(header?.epoch) ? [i] : [])) : [];
  const epoch = (i) => snapshots[i].header.epoch;
  // A fit that began anew in the same run counts its epochs anew, too.
  const forward = known.every((i, k) => k === 0 || epoch(i) >= epoch(known[k - 1]));
  if (!forward || known.length < 2) return { unit: "step", times: steps };
  let k = 1;
  const times = steps.map((step, i) => {
    while (k < known.length - 1 && known[k] < i) k++;
    const [from, to] = [known[k - 1], known[k]];
    return epoch(from) + ((step - steps[from]) / (steps[to] - steps[from])) * (epoch(to) - epoch(from));
  });
  return { unit, times };
}

/**
 * @param {import("./series.js").Series} series The shown layer's.
 * @param {import("./overview.js").Answer | null} own The shown run's; null while it has not come.
 * @param {import("./overview.js").Answer | null} other Likewise the run's that it is compared with.
 * @returns {import("../numbers/moments.js").Track}
 */
export function trackOf(series, own, other) {
  const { unit, times } = timesOf(series);
  /** @type {(ends: number[], at: number, place: (at: number) => number) => number} */
  const within = ([first, last], at, place) => (at >= first && at <= last ? place(at) : NaN);
  const steps = [series.snapshots[0].step, series.snapshots.at(-1).step];
  const byStep = (step) => within(steps, step, (at) => placeOfStep(series, at));
  const byTime = (step) => within([times[0], times.at(-1)], other.time(step), (at) => placeOfTime(times, at));
  const inEpochs = unit === "epoch" && other?.unit === "epoch";
  const scalar = own?.scalar ?? null;
  const lines = [
    lineOf(series, own, scalar, byStep),
    other && lineOf(series, other, scalar, inEpochs ? byTime : byStep),
  ];
  const all = lines.filter(Boolean);
  const changes = all.flatMap((line) => line.changes.map(([, value]) => value)).filter((value) => value > 0);
  const [low, high] = changeLimits([{ values: changes }]);
  const wide = changes.some((value) => value < high / DECADE);
  const values = all.flatMap(({ curve }) => curve.map(([, value]) => value)).filter((value) => value !== null);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const scale = isWide(least, most) ? Math.log : (value) => value;
  return {
    unit,
    times,
    own: lines[0],
    other: lines[1],
    scalar,
    limits: changes.length ? [wide ? low : 0, high] : null,
    wide,
    share: (value) => (wide ? changeShare(value, [low, high]) : value / high),
    level: (value) => (most > least ? (scale(value) - scale(least)) / (scale(most) - scale(least)) : 0.5),
  };
}

/** @param {(step: number) => number} place NaN outside of the shown snapshots. */
function lineOf(series, answer, scalar, place) {
  const found = answer?.layers.get(series.layer.tag);
  const placed = (pairs) => pairs.map(([step, value]) => [place(step), value]).filter(([at]) => !Number.isNaN(at));
  return {
    changes: found ? placed(found.steps.map((step, i) => [step, found.values[i]])) : [],
    // A run that lacks the scalar answers with another one.
    curve: answer && answer.scalar === scalar ? placed(answer.points) : [],
  };
}

/**
 * What there is at a snapshot: change, and value of the scalar; undefined where nothing was logged.
 *
 * @param {import("../numbers/moments.js").Line} line
 * @param {number} position
 * @returns {[number | null | undefined, number | null | undefined]}
 */
export function valuesAt({ changes, curve }, position) {
  const change = changes.find(([place]) => Math.abs(place - position) < 0.5);
  return [change?.[1], curve.length ? nearestValue(curve, position) : undefined];
}

/** When a snapshot was taken; about, where its epoch has not come yet. */
export function momentWords(series, { unit, times }, position) {
  if (series.epoch(position) !== null || unit === "step") return series.moment(position);
  return `${unit} ${Math.round(times[position])}`;
}
