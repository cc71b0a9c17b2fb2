/** What filters can be found by besides their number, each defined here and nowhere else. */

import { marks, norms, quantile, rotations } from "../numbers/measures.js";
import { measure, peakFrequencies } from "./snapshot.js";

/** Snapshots that the moment of moving is told from. */
const SAMPLES = 64;
/** Filters that have turned less have not moved. */
const MOVED = 0.01;
/** The share that "most" and "latest" mean. */
const SHARE = 0.1;
/** Milliseconds between two answers for a layer that is still coming in. */
const PATIENCE = 300;

/** By the word that stands for it in a search: the name of its chip, what it means, and which rows have it. */
export const TRAITS = {
  moved: {
    chip: "most moved",
    about: "The tenth of the filters that has turned furthest from its beginning, at the newest snapshot",
    rows: (series) => largest(measure(series, newest(series), series.referenceWeights).rotation),
  },
  late: {
    chip: "latest to move",
    about: "The tenth of the filters that reached half of their final rotation last, as far as snapshots are loaded",
    rows: (series) => (series.referenceWeights ? largest(halfTimes(series)) : []),
  },
  died: {
    chip: "died",
    about: "Filters that were alive at some loaded snapshot and are dead (below 1 % of the median norm) at the newest",
    rows: died,
  },
};

/** Of the shown moment, which is measured anyway. */
export const MARKS = { dead: "dead", nan: "NaN" };

const known = new WeakMap();

/** The answer for a series, asked for anew when more of it has come. */
function remembered(series, word, answer) {
  if (!known.has(series)) known.set(series, new Map());
  const answers = known.get(series);
  const old = answers.get(word);
  const fresh = old?.version === series.version;
  const waits = old && series.loaded < series.count && performance.now() - old.when < PATIENCE;
  if (fresh || waits) return old.value;
  const value = answer(series);
  answers.set(word, { version: series.version, when: performance.now(), value });
  return value;
}

/** Rows of the filters that have a trait. @param {import("./series.js").Series} series @param {string} word */
export function rowsWith(series, word) {
  return remembered(series, word, TRAITS[word].rows);
}

/** Peak frequency of every filter at the newest snapshot. @param {import("./series.js").Series} series */
export function newestPeaks(series) {
  return remembered(series, "peak", (all) => peakFrequencies(all, newest(all)));
}

/** The range that the middle half of the peaks lies in. @param {import("./series.js").Series} series */
export function middlePeaks(series) {
  const peaks = newestPeaks(series);
  return [quantile(peaks, 0.25), quantile(peaks, 0.75)];
}

function newest(series) {
  return series.nearest(series.count - 1);
}

/** Rows of the largest values; as large ones belong to them. */
function largest(values) {
  const rows = Array.from(values, (_, row) => row).filter((row) => values[row] > 0);
  rows.sort((a, b) => values[b] - values[a]);
  const least = values[rows[Math.ceil(SHARE * values.length) - 1] ?? rows.at(-1)];
  return rows.filter((row) => values[row] >= least);
}

/** Loaded positions, not too many, with the first and the last. */
function sampled(series) {
  const loaded = series.loadedPositions;
  const step = Math.max(1, (loaded.length - 1) / (SAMPLES - 1));
  return Array.from({ length: Math.min(loaded.length, SAMPLES) }, (_, i) => loaded[Math.round(i * step)]);
}

/** When each filter had half of its final rotation, in positions; NaN for those that have not moved. */
function halfTimes(series) {
  const { filters, filterSize, referenceWeights } = series;
  const positions = sampled(series).filter((position) => position >= series.reference);
  const all = positions.map((position) => rotations(series.glance(position), referenceWeights, filters, filterSize));
  const final = all.at(-1);
  return final.map((end, row) => {
    if (!(end > MOVED)) return NaN;
    const i = all.findIndex((values) => values[row] >= end / 2);
    if (i === 0) return positions[0];
    const [before, after] = [all[i - 1][row], all[i][row]];
    const share = Number.isFinite(before) ? (end / 2 - before) / (after - before) : 1;
    return positions[i - 1] + share * (positions[i] - positions[i - 1]);
  });
}

function died(series) {
  const { filters, filterSize } = series;
  const all = sampled(series).map((position) => marks(norms(series.glance(position), filters, filterSize)));
  const rows = all.at(-1).map((_, row) => row);
  return rows.filter((row) => all.at(-1)[row] === "dead" && all.some((each) => each[row] === ""));
}
