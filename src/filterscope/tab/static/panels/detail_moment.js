/** The plots of a filter at the shown moment: its taps, in a lane for each of a few channels, and its response. */

import { foldMarks, roomFor } from "../draw/axes.js";
import { paintStems, placeIn, STEM_TAPS, strokeLine } from "../draw/curve.js";
import { theme } from "../draw/palette.js";
import { toneOf } from "../draw/tone.js";

import { formatFrequency, formatPrecise, formatTick } from "../numbers/format.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { decibels, FLOOR_DB, fftLength, frequencyAxis, power } from "../numbers/spectrum.js";
import { channelName, plural, shortened } from "./words.js";

/** Up to so many channels, each has a line of its own. */
export const LANES = 8;

/** The weights of one filter among those of its layer. */
export function slice({ series, row }, weights) {
  const size = series.filterSize;
  return weights ? weights.subarray(row * size, (row + 1) * size) : null;
}

/** The largest size of finite numbers; 0 where there is none. */
export function largest(...arrays) {
  let peak = 0;
  for (const array of arrays) {
    for (const value of array ?? []) if (Math.abs(value) > peak && Math.abs(value) < Infinity) peak = Math.abs(value);
  }
  return peak;
}

/** The largest weight of this filter now, at its beginning and at the end: a scale that stays while scrubbing. */
export function steadyLimit(moment, now, ghost) {
  const { series } = moment;
  const ends = [series.reference, series.nearest(series.count - 1)].filter((position) => position >= 0);
  return largest(now, ghost, ...ends.map((position) => series.filterWeights(position, moment.row))) || 1;
}

/** Taps: stems or a line for one channel, a lane per channel for a few; many are a heat map elsewhere. */
export function drawTaps(plot, moment) {
  const { series, position, compared } = moment;
  const [, channels, taps] = series.header.shape;
  const lanes = taps === 1 ? 1 : channels;
  plot.element.hidden = lanes > LANES || (series.header.complex && lanes > 1);
  if (plot.element.hidden) return;
  const now = slice(moment, series.weights(position));
  const ghost = slice(moment, compared.weights);
  const limit = steadyLimit(moment, now, ghost);
  const along = taps === 1 ? "channel" : "tap";
  const length = taps === 1 ? channels : taps;
  const x = { low: -0.5, high: length - 0.5, whole: true, label: `${along} →`, format: String };
  const pale = ghost ? `pale: ${compared.words}` : "";
  if (series.header.complex) {
    drawComplex(plot, moment, { now, ghost, limit, x, along, pale });
    return;
  }
  plot.height = Math.max(172, lanes * 34 + 30);
  const place = (i) => (taps === 1 ? channelName(series.header, i) : `tap ${i}`);
  const names = range(lanes).map((channel) => shortened(channelName(series.header, channel), 18));
  const read = (at, y) => {
    const i = Math.min(Math.max(Math.round(at), 0), length - 1);
    const lane = lanes === 1 ? 0 : Math.min(Math.max(Math.floor(y), 0), lanes - 1);
    const before = ghost ? ` · ${compared.words} ${formatPrecise(ghost[lane * length + i])}` : "";
    return `${lanes > 1 ? `${names[lane]} · ` : ""}${place(i)}: ${formatPrecise(now[lane * length + i])}${before}`;
  };
  const y =
    lanes === 1
      ? { low: -limit * 1.06, high: limit * 1.06 }
      : {
          low: 0,
          high: lanes,
          down: true,
          ticks: range(lanes).map((c) => c + 0.5),
          format: (tick) => names[tick - 0.5],
          room: roomFor(names),
        };
  const laneAt = (box, lane) => {
    const h = box.h / lanes;
    const y = box.y + lane * h;
    return placeIn({ ...box, y, h }, length, y + h / 2, (lanes === 1 ? 0.5 / 1.06 : 0.45) * (h / limit));
  };
  plot.show({
    title: lanes > 1 ? `Taps of ${plural(lanes, "channel")}` : taps === 1 ? "Weights" : "Taps",
    x,
    y,
    read,
    rest: pale,
    label: `${along}s of the filter`,
    paint: (context, box) => {
      const places = range(lanes).map((lane) => laneAt(box, lane));
      const colour = toneOf(moment.frame, moment.row);
      context.fillStyle = theme.faint;
      for (const { zero } of places) context.fillRect(box.x, Math.round(zero) - 0.5, box.w, 1);
      if (length > STEM_TAPS) plot.paintCurves(context, box, linesOf(now, ghost, colour), places);
      else
        places.forEach((place, lane) => {
          if (ghost) paintStems(context, ghost, lane * length, length, place, 0.7, theme.ghost);
          paintStems(context, now, lane * length, length, place, 0.4, colour);
        });
    },
  });
}

/** Numbers of the moment in the filter's colour, over those that they are compared with.
 * @returns {[ArrayLike<number> | null, string, number][]} */
function linesOf(now, ghost, colour) {
  return [
    [ghost, theme.ghost, 1.5],
    [now, colour, 2],
  ];
}

/** Complex taps: real and imaginary part as lines, dashed the second. */
function drawComplex(plot, { frame, row }, { now, ghost, limit, x, along, pale }) {
  const part = (values, offset) => values.filter((_, i) => i % 2 === offset);
  const length = now.length / 2;
  plot.height = 172;
  plot.show({
    title: "Taps: real —, imaginary ╌",
    x,
    y: { low: -limit * 1.06, high: limit * 1.06 },
    rest: pale,
    label: "real and imaginary part of the taps",
    read: (at) => {
      const i = Math.min(Math.max(Math.round(at), 0), length - 1);
      const [re, im] = [now[2 * i], now[2 * i + 1]];
      return `${along} ${i}: ${formatPrecise(re)} ${im < 0 ? "−" : "+"} ${formatPrecise(Math.abs(im))}i`;
    },
    paint: (context, box) => {
      const place = placeIn(box, length, box.y + box.h / 2, (0.5 / 1.06) * (box.h / limit));
      for (const [values, tone] of linesOf(now, ghost, toneOf(frame, row))) {
        for (const offset of values ? [0, 1] : []) {
          context.setLineDash(offset ? [4, 3] : []);
          strokeLine(context, part(values, offset), place, tone, 1.5);
        }
      }
      context.setLineDash([]);
    },
  });
}

/** Response of the filter in dB re its maximum, of weights of the whole layer; null where taps are no samples: a single
 * one, or the places of a sequence of letters. */
export function responseOf({ series, row }, weights) {
  const { header } = series;
  if (!weights || withoutFrequencies(header)) return null;
  return decibels(power(slice({ series, row }, weights), 0, header, fftLength(header)));
}

/** Magnitude response, with that of the ghost. */
export function drawResponse(plot, moment, now) {
  const { series, frame, row, compared } = moment;
  const { weights, words } = compared;
  plot.element.hidden = !now;
  if (!now) return;
  if (plot.ghostOf?.weights !== weights || plot.ghostOf.row !== row) {
    plot.ghostOf = { weights, row, response: responseOf(moment, weights) };
  }
  const ghost = plot.ghostOf.response;
  showFrequencies(plot, series.header, linesOf(now, ghost, toneOf(frame, row)), {
    title: "Response, dB re maximum",
    y: { low: FLOOR_DB, high: 1, ticks: [-40, -30, -20, -10, 0] },
    rest: ghost ? `pale: ${words}` : "",
    label: "magnitude response",
    read: (frequency, i) => `${frequency}: ${formatPrecise(now[i])} dB`,
  });
}

/**
 * Show curves over the frequencies of a layer.
 *
 * @param {import("./plot.js").Plot} plot
 * @param {import("../data/blob.js").Header} header
 * @param {[ArrayLike<number> | null, string, number][]} lines As for the plot's `paintCurves`; the last one is there.
 * @param {Record<string, any>} spec As for the plot; `read(words, i)` is told a frequency and its place in the curves.
 */
export function showFrequencies(plot, header, lines, { y, read, ...spec }) {
  const axis = frequencyAxis(header);
  const { low, high, unit } = axis;
  const last = lines.at(-1)[0].length - 1;
  plot.show({
    ...spec,
    x: { low, high, label: unit, format: formatTick },
    y,
    marks: foldMarks(axis),
    read: (frequency) => read(formatFrequency(frequency, unit), Math.round(((frequency - low) / (high - low)) * last)),
    paint: (context, box, _, toY) => {
      const place = placeIn(box, last, toY(0), box.h / (y.high - y.low));
      // The first frequency lies at the very left, the last one at the very right.
      plot.paintCurves(context, box, lines, [{ ...place, left: box.x - place.slot / 2 }]);
    },
  });
}

function range(count) {
  return Array.from({ length: count }, (_, i) => i);
}
