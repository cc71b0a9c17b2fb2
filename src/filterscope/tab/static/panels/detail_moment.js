/** The plots of a filter at the shown moment: its taps, in a lane for each of a few channels, and its response. */

import { foldMarks, roomFor } from "../draw/axes.js";
import { pixelOf } from "../draw/colours.js";
import { STEM_TAPS, traceLine, traceStems } from "../draw/curve.js";
import { paintCurve } from "../draw/linework.js";
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

export function largest(...arrays) {
  let peak = 0;
  for (const array of arrays) {
    for (const value of array ?? []) if (Math.abs(value) > peak && Math.abs(value) < Infinity) peak = Math.abs(value);
  }
  return peak || 1;
}

/** The largest weight of this filter now, at its beginning and at the end: a scale that stays while scrubbing. */
export function steadyLimit(moment, now, ghost) {
  const { series } = moment;
  const ends = [series.reference, series.nearest(series.count - 1)].filter((position) => position >= 0);
  return largest(now, ghost, ...ends.map((position) => series.filterWeights(position, moment.row)));
}

/** Taps: stems or a line for one channel, a lane per channel for a few; many are a heat map elsewhere. */
export function drawTaps(plot, moment) {
  const { series, position, ghostWords } = moment;
  const [, channels, taps] = series.header.shape;
  const lanes = taps === 1 ? 1 : channels;
  plot.element.hidden = lanes > LANES || (series.header.complex && lanes > 1);
  if (plot.element.hidden) return;
  const now = slice(moment, series.weights(position));
  const ghost = slice(moment, moment.ghostWeights);
  const limit = steadyLimit(moment, now, ghost);
  const along = taps === 1 ? "channel" : "tap";
  const length = taps === 1 ? channels : taps;
  const x = { low: -0.5, high: length - 0.5, whole: true, label: `${along} →`, format: String };
  const pale = ghost ? `pale: ${ghostWords}` : "";
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
    const before = ghost ? ` · ${ghostWords} ${formatPrecise(ghost[lane * length + i])}` : "";
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
    const height = box.h / lanes;
    const zero = box.y + (lane + 0.5) * height;
    const scale = (lanes === 1 ? 0.5 / 1.06 : 0.45) * (height / limit);
    const [top, bottom] = [zero - height / 2, zero + height / 2];
    return { left: box.x, right: box.x + box.w, slot: box.w / length, zero, scale, top, bottom };
  };
  plot.show({
    title: lanes > 1 ? `Taps of ${plural(lanes, "channel")}` : taps === 1 ? "Weights" : "Taps",
    x,
    y,
    read,
    rest: pale,
    label: `${along}s of the filter`,
    paint: (context, box) => {
      for (let lane = 0; lane < lanes; lane++) {
        const place = laneAt(box, lane);
        drawLane(context, moment, { now, ghost, at: lane * length, length, place });
      }
      if (length <= STEM_TAPS) return;
      const colour = toneOf(moment.frame, moment.row);
      for (const [values, tone, width] of [
        [ghost, theme.ghost, 1.5],
        [now, colour, 2],
      ]) {
        if (!values) continue;
        plot.sheet.paint(context, box, { top: 0, bottom: plot.height }, (pixels, stride, ratio) => {
          for (let lane = 0; lane < lanes; lane++) {
            const place = plot.sheet.scaled(laneAt(box, lane), { top: 0 });
            paintCurve(pixels, stride, place, values, lane * length, length, pixelOf(tone), width * ratio);
          }
        });
      }
    },
  });
}

function drawLane(context, { frame, row }, { now, ghost, at, length, place }) {
  context.fillStyle = theme.faint;
  context.fillRect(place.left, Math.round(place.zero) - 0.5, place.slot * length, 1);
  if (length > STEM_TAPS) return;
  const colour = toneOf(frame, row);
  for (const [values, tone, share] of [
    [ghost, theme.ghost, 0.7],
    [now, colour, 0.4],
  ]) {
    if (!values) continue;
    context.beginPath();
    context.fillStyle = tone;
    traceStems(context, values, at, length, place, share);
    context.fill();
  }
}

/** Complex taps: real and imaginary part as lines, dashed the second. */
function drawComplex(plot, { frame, row }, { now, ghost, limit, x, along, pale }) {
  const part = (values, offset) =>
    values && Float32Array.from({ length: values.length / 2 }, (_, i) => values[2 * i + offset]);
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
      const scale = (0.5 / 1.06) * (box.h / limit);
      const [right, bottom] = [box.x + box.w, box.y + box.h];
      const place = { left: box.x, right, slot: box.w / length, zero: box.y + box.h / 2, scale, top: box.y, bottom };
      const colour = toneOf(frame, row);
      for (const [values, tone] of [
        [ghost, theme.ghost],
        [now, colour],
      ]) {
        for (const offset of [0, 1]) {
          if (!values) continue;
          context.beginPath();
          context.strokeStyle = tone;
          context.lineWidth = 1.5;
          context.setLineDash(offset ? [4, 3] : []);
          traceLine(context, part(values, offset), 0, length, place);
          context.stroke();
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
  const { series, frame, row, ghostWords, ghostWeights } = moment;
  plot.element.hidden = !now;
  if (!now) return;
  const axis = frequencyAxis(series.header);
  if (plot.ghostOf?.weights !== ghostWeights || plot.ghostOf.row !== row) {
    plot.ghostOf = { weights: ghostWeights, row, response: responseOf(moment, ghostWeights) };
  }
  const ghost = plot.ghostOf.response;
  plot.show({
    title: "Response, dB re maximum",
    x: { low: axis.low, high: axis.high, label: axis.unit, format: formatTick },
    y: { low: FLOOR_DB, high: 1, ticks: [-40, -30, -20, -10, 0] },
    marks: foldMarks(axis),
    rest: ghost ? `pale: ${ghostWords}` : "",
    label: "magnitude response",
    read: (frequency) => {
      const i = Math.round(((frequency - axis.low) / (axis.high - axis.low)) * (now.length - 1));
      return `${formatFrequency(frequency, axis.unit)}: ${formatPrecise(now[i])} dB`;
    },
    paint: (context, box, _, toY) => {
      const slot = box.w / (now.length - 1);
      const scale = box.h / (1 - FLOOR_DB);
      const span = { left: box.x - slot / 2, right: box.x + box.w, slot };
      const colour = toneOf(frame, row);
      for (const [values, tone, width] of [
        [ghost, theme.ghost, 1.5],
        [now, colour, 2],
      ]) {
        if (!values) continue;
        plot.sheet.paint(context, box, { top: 0, bottom: plot.height }, (pixels, stride, ratio) => {
          const place = plot.sheet.scaled(
            { ...span, zero: toY(0), scale, top: box.y, bottom: box.y + box.h },
            { top: 0 },
          );
          paintCurve(pixels, stride, place, values, 0, values.length, pixelOf(tone), width * ratio);
        });
      }
    },
  });
}

function range(count) {
  return Array.from({ length: count }, (_, i) => i);
}
