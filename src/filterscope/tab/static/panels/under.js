/** What lies under the pointer in a tile: the tap, channel, moment or frequency, and its value. */

import { letterBox } from "../draw/letters.js";

import { formatFrequency, formatPrecise } from "../numbers/format.js";
import { blockStart, extent, signedExtreme } from "../numbers/reduce.js";
import { frequencyAxis } from "../numbers/spectrum.js";
import { channelName, joined } from "./words.js";

/**
 * Which of `count` things lie under a place: `[first, past last]`, more than one where they are denser than pixels.
 *
 * @param {number} share Of the axis, 0 to 1; what lies beyond means its end.
 * @param {number} count
 * @param {number} room CSS pixels of the axis.
 * @returns {[number, number]}
 */
function reach(share, count, room) {
  const pixels = Math.min(count, Math.max(1, Math.floor(room)));
  const at = Math.min(Math.max(Math.floor(share * pixels), 0), pixels - 1);
  const first = blockStart(at, count, pixels);
  return [first, Math.max(first + 1, blockStart(at + 1, count, pixels))];
}

/** `tap 3`, `taps 12–15`; of a single tap's weights the channel. */
function tapWords({ series }, first, next) {
  const { header } = series;
  if (header.shape[2] === 1) return next - first === 1 ? channelName(header, first) : `channels ${first}–${next - 1}`;
  return next - first === 1 ? `tap ${first}` : `taps ${first}–${next - 1}`;
}

/** One value, or from the least to the largest of several. */
function valueWords(values, first, next) {
  const ends = [0, 0];
  extent(values, first, next - first, ends);
  const [low, high] = ends.map((value) => formatPrecise(value, 2));
  return low === high ? low : `${low} to ${high}`;
}

function curveWords(scene, { row, box, x }) {
  const { frame, compared, mode } = scene;
  const [first, next] = reach((x - box.x) / box.w, frame.columns, box.w);
  const at = row * frame.columns;
  const now = valueWords(frame.values, at + first, at + next);
  const then = frame.ghost ? `${compared.words}: ${valueWords(frame.ghost, at + first, at + next)}` : "";
  return joined(`${tapWords(scene, first, next)}: ${mode === "change" ? "difference " : ""}${now}`, then);
}

/** Which columns and rows of a heat map lie there, and their strongest value, which is the one that is drawn. */
function cellOf({ rows, columns, values }, { row, box, x, y }) {
  const across = reach((x - box.x) / box.w, columns, box.w);
  const down = reach((y - box.y) / box.h, rows, box.h);
  const value = formatPrecise(signedExtreme(values, row * rows * columns, columns, ...down, ...across), 2);
  return { across, down, value };
}

function heatWords(scene, under) {
  const { across, down, value } = cellOf(scene.frame, under);
  const [first, next] = down;
  const channel = next - first === 1 ? channelName(scene.series.header, first) : `channels ${first}–${next - 1}`;
  const difference = scene.mode === "change" ? "difference " : "";
  return `${joined(channel, tapWords(scene, ...across))}: ${difference}${value}`;
}

function logoWords({ frame, series, mode }, { row, box, x }) {
  const { rows, columns, values } = frame;
  const inner = letterBox(box);
  const [tap] = reach((x - inner.x) / inner.w, columns, inner.w);
  const letters = series.header.channel_names.map((name, i) => [name, values[(row * rows + i) * columns + tap]]);
  letters.sort((a, b) => b[1] - a[1]);
  const shown = letters.slice(0, 5).map(([name, value]) => `${name} ${formatPrecise(value, 2)}`);
  return `tap ${tap}: ${mode === "change" ? "difference " : ""}${shown.join(", ")}`;
}

function evolutionWords(scene, under) {
  const { series, evolution } = scene;
  if (!evolution) return "";
  const { across, down, value } = cellOf(evolution, under);
  const [first, last] = [down[0], down[1] - 1].map((line, i) =>
    Math.min(Math.ceil(((line + i) * series.count) / evolution.rows) - i, series.count - 1),
  );
  const moment = first >= last ? series.moment(first) : `${series.moment(first)} to ${series.time(last) ?? "later"}`;
  return `${joined(moment, tapWords(scene, ...across))}: difference ${value}`;
}

function responseWords({ frame, series, compared }, { row, box, x }) {
  const bins = frame.values.length / series.filters;
  const axis = frequencyAxis(series.header);
  const [bin] = reach((x - box.x) / box.w, bins, bins);
  const frequency = axis.low + (bin / (bins - 1)) * (axis.high - axis.low);
  const level = (values) => `${formatPrecise(values[row * bins + bin], 2)} dB`;
  const then = frame.ghost ? `${compared.words}: ${level(frame.ghost)}` : "";
  return joined(`${formatFrequency(frequency, axis.unit)}: ${level(frame.values)}`, then);
}

const KINDS = {
  curve: curveWords,
  heat: heatWords,
  logo: logoWords,
  evolution: evolutionWords,
  response: responseWords,
};

/**
 * @param {import("../views/view.js").Scene} scene
 * @param {{row: number, box: {x: number, y: number, w: number, h: number}, x: number, y: number}} under From the grid.
 * @returns {string}
 */
export function wordsUnder(scene, under) {
  return KINDS[scene.frame.kind](scene, under);
}
