/** Filters as shapes in the tiles of a grid: stems, curves, ghosts and heat. Each draws those of the `visible` tiles. */

import { FLOOR_DB, frequencyAxis } from "../numbers/spectrum.js";
import { pixelOf, weightScale } from "./colours.js";
import { paintStems, placeIn, STEM_TAPS, traceStems } from "./curve.js";
import { paintHeat } from "./heat.js";
import { letterBox, paintLogo } from "./letters.js";
import { paintArea, paintCurve } from "./linework.js";
import { theme } from "./palette.js";
import { Sheet } from "./sheet.js";
import { toneOf } from "./tone.js";

const sheet = new Sheet();

/** Where a row of values lies in a tile. */
export function placeCurve(box, columns, limit, signed) {
  const zero = signed ? box.y + box.h / 2 : box.y + box.h - 0.5;
  const scale = (signed ? 0.47 : 0.94) * (box.h / limit);
  return placeIn(box, columns, zero, scale);
}

function placeOf(frame, box, columns, row) {
  return frame.kind === "response"
    ? placeIn(box, columns, box.y + 0.04 * box.h, (0.94 * box.h) / -FLOOR_DB)
    : placeCurve(box, columns, frame.limits[row], frame.signed);
}

/** A bar per tap, for few of them. */
export function drawStems(context, layout, visible, frame, order) {
  const { columns } = frame;
  for (const i of visible) {
    const row = order[i];
    const place = placeCurve(layout.inner[i], columns, frame.limits[row], frame.signed);
    paintStems(context, frame.values, row * columns, columns, place, 0.45, toneOf(frame, row));
  }
}

/** A line through all taps, or over all frequencies; what cannot be negative, or was learned, with the area below. */
export function drawCurves(context, layout, visible, { frame, order }, seen) {
  const columns = frame.values.length / frame.marks.length;
  const width = layout.inner[0]?.w > 200 ? 2 : 1.5;
  const area = frame.kind === "curve" && (frame.filled || !frame.signed);
  sheet.paint(context, layout, seen, (pixels, stride, ratio) => {
    for (const i of visible) {
      const row = order[i];
      const place = sheet.scaled(placeOf(frame, layout.inner[i], columns, row), seen);
      const colour = pixelOf(toneOf(frame, row));
      if (area) paintArea(pixels, stride, place, frame.values, row * columns, columns, colour);
      paintCurve(pixels, stride, place, frame.values, row * columns, columns, colour, width * ratio);
    }
  });
}

/** What lies in pale behind the filters. */
export function drawGhosts(context, layout, visible, scene, seen) {
  const { frame, order } = scene;
  const columns = frame.ghost.length / frame.marks.length;
  if (frame.kind === "curve" && columns <= STEM_TAPS) {
    context.fillStyle = theme.ghost;
    context.beginPath();
    for (const i of visible) {
      const place = placeCurve(layout.inner[i], columns, frame.limits[order[i]], frame.signed);
      traceStems(context, frame.ghost, order[i] * columns, columns, place, 0.8);
    }
    context.fill();
    return;
  }
  const colour = pixelOf(theme.ghost);
  const width = layout.inner[0]?.w > 200 ? 1.75 : 1.25;
  sheet.paint(context, layout, seen, (pixels, stride, ratio) => {
    for (const i of visible) {
      const place = sheet.scaled(placeOf(frame, layout.inner[i], columns, order[i]), seen);
      // Pale as it is, it has no paler middle.
      paintCurve(pixels, stride, place, frame.ghost, order[i] * columns, columns, colour, width * ratio, 1);
    }
  });
}

/** Matrices as heat maps. */
export function drawHeat(context, layout, visible, { order }, seen, { values, rows, columns, signed, limits }) {
  const size = rows * columns;
  sheet.paint(context, layout, seen, (pixels, stride, ratio) => {
    for (const i of visible) {
      const box = heatBox(layout.inner[i], seen.top, ratio);
      if (box.h < 1 || box.w < 1) continue;
      const scale = weightScale(signed, limits[order[i]]);
      paintHeat(pixels, stride, box, values, order[i] * size, rows, columns, scale);
    }
  });
}

/** A tile's drawing area in device pixels of a sheet that begins at `top`. */
function heatBox({ x, y, w, h }, top, ratio) {
  const left = Math.round(x * ratio);
  const upper = Math.round(y * ratio) - Math.round(top * ratio);
  return { x: left, y: upper, w: Math.round((x + w) * ratio) - left, h: Math.round(h * ratio) };
}

/** Letters stacked by weight, with the filter's rotation as a strip before them. */
export function drawLogos(context, layout, visible, { frame, order, series }, seen) {
  const { rows, columns, values, limits } = frame;
  const names = series.header.channel_names;
  for (const i of visible) {
    const { x, y, h } = layout.inner[i];
    context.fillStyle = toneOf(frame, order[i]);
    context.fillRect(x, y, letterBox(layout.inner[i]).strip, h);
  }
  sheet.paint(context, layout, seen, (pixels, stride, ratio) => {
    for (const i of visible) {
      const box = heatBox(letterBox(layout.inner[i]), seen.top, ratio);
      paintLogo(pixels, stride, box, values, order[i] * rows * columns, columns, names, limits[order[i]]);
    }
  });
}

/** Where the stride of a layer folds frequencies back, in tiles of responses. */
export function drawFolds(context, layout, visible, frame, header) {
  const { low, high, folds } = frequencyAxis(header);
  if (!folds.length) return;
  const bins = frame.values.length / frame.marks.length;
  context.strokeStyle = theme.grey;
  context.setLineDash([3, 3]);
  context.beginPath();
  for (const i of visible) {
    const { x, y, w, h } = layout.inner[i];
    for (const fold of folds) {
      const bin = ((fold - low) / (high - low)) * (bins - 1) + 0.5;
      const at = Math.round(x + (bin / bins) * w) + 0.5;
      context.moveTo(at, y);
      context.lineTo(at, y + h);
    }
  }
  context.stroke();
  context.setLineDash([]);
}

/** Heat tiles wear their rotation as a frame. */
export function drawFrames(context, layout, visible, frame, order) {
  if (frame.plain) return;
  const width = layout.head === 17 ? 2 : 1.5;
  context.lineWidth = width;
  for (const i of visible) {
    const { x, y, w, h } = layout.inner[i];
    context.strokeStyle = toneOf(frame, order[i]);
    context.strokeRect(x - width / 2, y - width / 2, w + width, h + width);
  }
}
