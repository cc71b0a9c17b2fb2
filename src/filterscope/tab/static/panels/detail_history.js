/** The plots of a filter over time: two heat maps with the shown moment marked, and three curves. */

import { niceTicks } from "../draw/axes.js";
import { heatTable, pixelOf, rotationColour, weightScale } from "../draw/colours.js";
import { theme } from "../draw/palette.js";
import { formatCount, formatFrequency, formatPrecise, formatTick, formatValue } from "../numbers/format.js";
import { FLOOR_DB, frequencyAxis } from "../numbers/spectrum.js";

/** @param {Record<string, import("./plot.js").Plot>} plots By name. @param {any} moment A scene with a filter's `row` and `history`; null without a reference. */
export function drawHistory(plots, moment) {
  const { history, series } = moment;
  const shown = { evolution: history, spectra: history?.spectra, rotation: history, change: history, norm: history };
  for (const [name, there] of Object.entries(shown)) plots[name].element.hidden = !there || series.count < 2;
  if (!history || series.count < 2) return;
  drawEvolution(plots.evolution, moment);
  if (history.spectra) drawSpectra(plots.spectra, moment);
  drawCurves(plots, moment);
}

/** An axis of snapshots, named by their epochs or steps; `middle` of a heat map's rows is half a position further on. */
function snapshotAxis({ series }, most, middle = 0) {
  const last = series.count - 1;
  const format = (tick) => {
    const time = series.time(Math.round(tick - middle));
    return time === null ? "" : formatCount(time);
  };
  const ticks = niceTicks(0, last, most, true).map((tick) => tick + middle);
  return { low: 0, high: last + 2 * middle, ticks, format };
}

function drawEvolution(plot, moment) {
  const { history, series, position } = moment;
  const { values, rows, columns, signed, limit } = history.taps;
  const along = series.header.shape[2] === 1 ? "channel" : "tap";
  plot.show({
    title: `Learned · ${series.unit}s ↓ ${along}s →`,
    x: { low: -0.5, high: columns - 0.5, whole: true, label: `${along} →`, format: String },
    y: { ...snapshotAxis(moment, 4, 0.5), down: true },
    heat: { values, rows, columns, scale: weightScale(signed, limit || 1) },
    still: [values, series.version],
    marks: [{ y: position + 0.5, colour: theme.accent }],
    rest: !limit
      ? "no difference"
      : `${signed ? "difference, ±" : "size of difference, 0 to "}${formatPrecise(limit, 2)}`,
    label: `heat map of the difference from the reference, ${series.unit}s by taps`,
    read: (x, y) => {
      const [i, at] = [clamp(Math.round(x), columns), clamp(Math.floor(y), rows)];
      return `${series.moment(at)} · ${along} ${i}: ${formatPrecise(values[at * columns + i])}`;
    },
  });
}

function drawSpectra(plot, moment) {
  const { history, series, position } = moment;
  const { values, rows, columns } = history.spectra;
  const axis = frequencyAxis(series.header);
  plot.show({
    title: `Response · ${series.unit}s ↓ frequency →`,
    x: { low: axis.low, high: axis.high, label: axis.unit, format: formatTick },
    y: { ...snapshotAxis(moment, 4, 0.5), down: true },
    heat: {
      values,
      rows,
      columns,
      scale: { table: heatTable("decibel"), low: FLOOR_DB, high: 0, broken: pixelOf(theme.dead) },
    },
    still: [values, series.version],
    marks: [{ y: position + 0.5, colour: theme.accent }],
    rest: "−40 to 0 dB",
    label: `heat map of the response, ${series.unit}s by frequency`,
    read: (x, y) => {
      const at = clamp(Math.floor(y), series.count);
      const r = clamp(Math.round((at / Math.max(series.count - 1, 1)) * (rows - 1)), rows);
      const i = clamp(Math.round(((x - axis.low) / (axis.high - axis.low)) * (columns - 1)), columns);
      return `${series.moment(at)} · ${formatFrequency(x, axis.unit)}: ${formatPrecise(values[r * columns + i])} dB`;
    },
  });
}

function drawCurves(plots, moment) {
  const { history, position } = moment;
  const { rotation, change, norm } = history;
  const finite = (values) => values.filter((value) => Number.isFinite(value));
  const top = Math.max(...finite(rotation), 0);
  const high = Math.max(top * 1.15, 0.01);
  showCurve(plots.rotation, moment, rotation, {
    title: "Rotation",
    y: { low: 0, high, ticks: niceTicks(0, high, 3) },
    colour: (value) => rotationColour(value, theme.undefinedLine),
  });
  const steps = finite(change).filter((value) => value > 0);
  const [low, most] = steps.length ? [Math.min(...steps), Math.max(...steps)] : [0.1, 1];
  const decades = [Math.floor(Math.log10(low)), Math.max(Math.ceil(Math.log10(most)), Math.floor(Math.log10(low)) + 1)];
  const logged = change.map((value) => (value > 0 ? Math.log10(value) : NaN));
  const powers = niceTicks(decades[0], decades[1], 3, true);
  showCurve(plots.change, moment, logged, {
    title: "Change per snapshot, log scale",
    y: { low: decades[0], high: decades[1], format: (tick) => formatValue(10 ** tick), ticks: powers },
    unscaled: (value) => 10 ** value,
  });
  const largest = Math.max(...finite(norm), 0) * 1.08 || 1;
  const y = { low: 0, high: largest, ticks: niceTicks(0, largest, 3) };
  // The lowest one has the words of the axis that all share.
  showCurve(plots.norm, moment, norm, { title: "Norm", y, label: moment.series.unit });
  for (const plot of [plots.rotation, plots.change, plots.norm]) plot.canvas.dataset.position = position;
}

function showCurve(plot, moment, values, { title, y, label = "", ...how }) {
  const { colour = () => theme.plain, unscaled = (value) => value } = how;
  const { history, series, position } = moment;
  const { positions } = history;
  const distance = (i, x) => Math.abs(positions[i] - x);
  const nearest = (x) => positions.reduce((best, _, i) => (distance(i, x) < distance(best, x) ? i : best), 0);
  const here = positions.indexOf(position);
  plot.show({
    title,
    x: { ...snapshotAxis(moment, 6), bare: !label, label },
    y,
    marks: [{ x: position, colour: theme.accent }],
    rest: here >= 0 ? formatPrecise(unscaled(values[here])) : "",
    label: `${title} over the ${series.unit}s`,
    read: (x) => `${series.moment(positions[nearest(x)])}: ${formatPrecise(unscaled(values[nearest(x)]))}`,
    still: [history, series.version],
    paint: (context, _, toX, toY) => {
      context.lineWidth = 1.75;
      context.lineCap = "round";
      values.forEach((value, i) => {
        if (!i || !Number.isFinite(value) || !Number.isFinite(values[i - 1])) return;
        context.beginPath();
        context.strokeStyle = colour(value);
        context.moveTo(toX(positions[i - 1]), toY(values[i - 1]));
        context.lineTo(toX(positions[i]), toY(value));
        context.stroke();
      });
    },
  });
}

function clamp(i, count) {
  return Math.min(Math.max(i, 0), count - 1);
}
