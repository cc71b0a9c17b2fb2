/** What happened in a run, in a few sentences that lead there. */

import { formatValue } from "../numbers/format.js";
import { turnedNow } from "./turned.js";
import { plural } from "./words.js";

/** A layer whose rotation stays below it has hardly turned, however much it may have grown. */
const STILL = 0.01;

/** A rotation below it is nothing but how numbers are rounded. */
const NOTHING = 1e-6;

/** A time on the axis in words: whole epochs as such, others with a part. */
export function timeWords(unit, time) {
  const whole = Math.round(time);
  return `${unit} ${Math.abs(time - whole) < 0.02 ? whole : time.toFixed(1)}`;
}

/** Number of dead filters now; 0 where it is not known. */
export function deadNow({ dead, total_filters }) {
  return dead.length ? Math.round(dead.at(-1)[1] * total_filters) : 0;
}

/** `[[time, whether any filter is dead], ...]` where that turns. */
export function deadTimes({ dead }, time) {
  const turns = [];
  for (const [step, share] of dead) {
    if (share > 0 !== (turns.at(-1)?.[1] ?? false)) turns.push([time(step), share > 0]);
  }
  return turns;
}

/**
 * @param {{name: string, layer: import("../data/api.js").Layer, change: {steps: number[], times: number[], values: (number | null)[]} | null}[]} rows
 *   The listed layers, and their changes.
 * @param {"epoch" | "step"} unit
 * @param {(step: number) => number} time
 * @returns {{text: string, row: number, step: number | null}[]} Sentences, and which layer and moment each is about.
 */
export function findings(rows, unit, time) {
  const found = [];
  const broken = rows
    .map(({ change }, row) => ({ row, i: change?.values.indexOf(null) ?? -1 }))
    .filter(({ i }) => i >= 0);
  if (broken.length) {
    const since = ({ row, i }) => rows[row].change.times[i];
    const first = broken.reduce((least, each) => (since(each) < since(least) ? each : least));
    const more = broken.length > 1 ? `, and ${plural(broken.length - 1, "other layer")}` : "";
    const text = `NaN or Inf: ${rows[first.row].name}, first at ${timeWords(unit, since(first))}${more}`;
    found.push({ text, row: first.row, step: rows[first.row].change.steps[first.i] });
  }
  const peak = largest(rows);
  if (peak?.value === 0) found.push({ text: "Nothing has changed", row: peak.row, step: null });
  else if (peak) {
    const { values, times, steps } = rows[peak.row].change;
    const when = timeWords(unit, times[peak.i]);
    const text = `Largest change: ${formatValue(values[peak.i])} in ${rows[peak.row].name} at ${when}`;
    found.push({ text, row: peak.row, step: steps[peak.i] });
  }
  const turned = rows.map(({ layer }, row) => [turnedNow(layer) ?? NaN, row]);
  const known = turned.filter(([rotation]) => Number.isFinite(rotation)).sort((a, b) => b[0] - a[0]);
  if (known.length && known[0][0] > NOTHING) {
    const [rotation, row] = known[0];
    found.push({ text: `Turned most: ${rows[row].name}, rotation ${formatValue(rotation)}`, row, step: null });
  }
  const still = known.filter(([rotation]) => rotation < STILL);
  if (still.length && known.length > 1 && peak?.value !== 0) {
    const text = `${plural(still.length, "layer")} of ${known.length} hardly turned: ${listed(still.map(([, row]) => rows[row].name))}`;
    found.push({ text, row: still[0][1], step: null });
  }
  const dead = rows.map(({ layer }, row) => [deadNow(layer), row]).filter(([count]) => count);
  if (dead.length) {
    const [count, row] = dead.reduce((most, each) => (each[0] > most[0] ? each : most));
    const { dead: shares, total_filters: total } = rows[row].layer;
    const since = shares.findLastIndex(([, share]) => Math.round(share * total) < count) + 1;
    const step = shares[since][0];
    const where = `${count} of ${total} in ${rows[row].name}, from ${timeWords(unit, time(step))}`;
    const more = dead.length > 1 ? `, and in ${plural(dead.length - 1, "other layer")}` : "";
    found.push({ text: `Dead filters: ${where}${more}`, row, step });
  }
  return found;
}

function largest(rows) {
  let peak = null;
  rows.forEach(({ change }, row) => {
    change?.values.forEach((value, i) => {
      if (value !== null && !(peak?.value >= value)) peak = { value, row, i };
    });
  });
  return peak;
}

function listed(names) {
  return names.length > 2 ? `${names.slice(0, 2).join(", ")} …` : names.join(", ");
}
