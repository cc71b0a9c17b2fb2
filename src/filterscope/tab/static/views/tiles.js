/** How tiles look: faces and ghosts that stay, curves, stems and heat that move. */

import { FLOOR_DB, HEAT, pixelOf, rotationColour } from "../draw/colours.js";
import { STEM_TAPS, traceStems } from "../draw/curve.js";
import { paintHeat } from "../draw/heat.js";
import { paintArea, paintCurve } from "../draw/linework.js";
import { Sheet } from "../draw/sheet.js";
import { formatValue } from "../panels/words.js";
import { theme } from "../draw/palette.js";

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const sheet = new Sheet();

/** Where a row of values lies in a tile. */
function placeCurve(box, columns, limit, signed) {
  const zero = signed ? box.y + box.h / 2 : box.y + box.h - 0.5;
  const scale = (signed ? 0.47 : 0.94) * (box.h / limit);
  return { left: box.x, slot: box.w / columns, zero, scale, top: box.y, bottom: box.y + box.h, right: box.x + box.w };
}

function placeResponse(box, bins) {
  const scale = (0.94 * box.h) / -FLOOR_DB;
  const zero = box.y + 0.04 * box.h;
  return { left: box.x, slot: box.w / bins, zero, scale, top: box.y, bottom: box.y + box.h, right: box.x + box.w };
}

/** Everything below the moving curves: ground, faces, numbers, zero lines, ghosts; in evolution the heat, too. */
export function drawStill(context, layout, visible, scene, seen) {
  const { frame, order, series, found } = scene;
  context.fillStyle = theme.ground;
  context.fillRect(0, seen.top, layout.width, seen.bottom - seen.top);
  context.lineWidth = 1;
  for (const i of visible) {
    const { x, y, w, h } = layout.tiles[i];
    const mark = frame.marks[order[i]];
    context.beginPath();
    context.roundRect(x + 0.5, y + 0.5, w - 1, h - 1, layout.radius);
    context.fillStyle = mark === "dead" ? theme.dead : mark === "NaN" ? theme.broken : theme.tile;
    context.fill();
    context.strokeStyle = theme.edge;
    context.stroke();
  }
  if (layout.head) drawNumbers(context, layout, visible, scene);
  if (frame.kind === "curve") {
    context.fillStyle = theme.zero;
    for (const i of visible) {
      const box = layout.inner[i];
      const { zero } = placeCurve(box, 1, 1, frame.signed);
      context.fillRect(box.x, Math.round(zero) - 0.5, box.w, 1);
    }
  }
  if (frame.ghost) drawGhosts(context, layout, visible, scene, seen);
  if (scene.evolution) drawHeat(context, layout, visible, scene, seen, scene.evolution);
  if (found.size) fade(context, layout, visible, (i) => found.has(series.numberOf(order[i])));
}

function drawNumbers(context, layout, visible, { frame, order, series }) {
  context.textBaseline = "middle";
  const baseline = layout.head === 17 ? 9.5 : 7;
  const inset = layout.head === 17 ? 7 : 4;
  for (const i of visible) {
    const { x, y, w } = layout.tiles[i];
    const mark = frame.marks[order[i]];
    context.font = `${layout.font}px ${FONT}`;
    context.fillStyle = mark === "NaN" && theme.name === "dark" ? "#ffe2a6" : mark === "NaN" ? theme.ink : theme.grey;
    context.textAlign = "left";
    context.fillText(String(series.numberOf(order[i])), x + inset, y + baseline);
    if (mark && w > 44) {
      context.textAlign = "right";
      context.font = `600 ${layout.font}px ${FONT}`;
      context.fillText(mark, x + w - inset, y + baseline);
    }
  }
}

function drawGhosts(context, layout, visible, scene, seen) {
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
      paintCurve(pixels, stride, place, frame.ghost, order[i] * columns, columns, colour, width * ratio);
    }
  });
}

function placeOf(frame, box, columns, row) {
  return frame.kind === "response"
    ? placeResponse(box, columns)
    : placeCurve(box, columns, frame.limits[row], frame.signed);
}

/** What a search did not ask for recedes. */
function fade(context, layout, visible, keep) {
  context.globalAlpha = 0.82;
  context.fillStyle = theme.ground;
  for (const i of visible) {
    const { x, y, w, h } = layout.tiles[i];
    if (!keep(i)) context.fillRect(x, y, w, h);
  }
  context.globalAlpha = 1;
}

/** What moves with the epoch. */
export function drawTiles(context, layout, visible, scene, seen) {
  const { frame, order, series, found } = scene;
  const shown = found.size ? visible.filter((i) => found.has(series.numberOf(order[i]))) : visible;
  if (frame.kind === "curve" && frame.columns <= STEM_TAPS) drawStems(context, layout, shown, frame, order);
  else if (frame.kind === "curve" || frame.kind === "response") drawCurves(context, layout, shown, scene, seen);
  else if (frame.kind === "heat") drawHeat(context, layout, shown, scene, seen, frame);
  if (frame.kind === "heat" || frame.kind === "evolution") drawFrames(context, layout, shown, frame, order);
  if (frame.kind === "evolution") drawMoment(context, layout, shown, scene);
  if (scene.scale === "filter" && frame.kind !== "response" && layout.head === 17)
    drawNorms(context, layout, shown, frame, order);
  for (const [row, colour, width] of [
    [scene.hovered, theme.grey, 1],
    [scene.selected, theme.accent, 2],
  ]) {
    const i = row < 0 ? -1 : order.indexOf(row);
    if (i < 0) continue;
    const { x, y, w, h } = layout.tiles[i];
    context.beginPath();
    context.roundRect(x + width / 2, y + width / 2, w - width, h - width, layout.radius);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

function drawStems(context, layout, visible, frame, order) {
  const { columns } = frame;
  for (const i of visible) {
    const row = order[i];
    context.fillStyle = rotationColour(frame.rotation[row], theme.undefinedLine);
    context.beginPath();
    const place = placeCurve(layout.inner[i], columns, frame.limits[row], frame.signed);
    traceStems(context, frame.values, row * columns, columns, place, 0.45);
    context.fill();
  }
}

function drawCurves(context, layout, visible, { frame, order }, seen) {
  const columns = frame.values.length / frame.marks.length;
  const width = layout.inner[0]?.w > 200 ? 2 : 1.5;
  const area = frame.kind === "curve" && (frame.filled || !frame.signed);
  sheet.paint(context, layout, seen, (pixels, stride, ratio) => {
    for (const i of visible) {
      const row = order[i];
      const place = sheet.scaled(placeOf(frame, layout.inner[i], columns, row), seen);
      const colour = pixelOf(rotationColour(frame.rotation[row], theme.undefinedLine));
      if (area) paintArea(pixels, stride, place, frame.values, row * columns, columns, colour);
      paintCurve(pixels, stride, place, frame.values, row * columns, columns, colour, width * ratio);
    }
  });
}

/** All visible heat tiles. */
function drawHeat(context, layout, visible, { order }, seen, { values, rows, columns, signed, limits }) {
  const broken = pixelOf("#ffc44d");
  const size = rows * columns;
  const table = signed ? HEAT.signed : HEAT.oneSided;
  sheet.paint(context, layout, seen, (pixels, stride, ratio) => {
    for (const i of visible) {
      const box = heatBox(layout.inner[i], seen.top, ratio);
      if (box.h < 1 || box.w < 1) continue;
      const limit = limits[order[i]];
      paintHeat(pixels, stride, box, values, order[i] * size, rows, columns, {
        table,
        low: signed ? -limit : 0,
        high: limit,
        broken,
      });
    }
  });
}

/** A tile's drawing area in device pixels of a sheet that begins at `top`. */
function heatBox({ x, y, w, h }, top, ratio) {
  const left = Math.round(x * ratio);
  const upper = Math.round(y * ratio) - Math.round(top * ratio);
  return { x: left, y: upper, w: Math.round((x + w) * ratio) - left, h: Math.round(h * ratio) };
}

/** Heat tiles wear their rotation as a frame. */
function drawFrames(context, layout, visible, frame, order) {
  const width = layout.head === 17 ? 2 : 1.5;
  context.lineWidth = width;
  for (const i of visible) {
    const { x, y, w, h } = layout.inner[i];
    context.strokeStyle = rotationColour(frame.rotation[order[i]], theme.undefinedLine);
    context.strokeRect(x - width / 2, y - width / 2, w + width, h + width);
  }
}

/** The shown epoch in tiles of epochs x taps. */
function drawMoment(context, layout, visible, { position, count }) {
  for (const i of visible) {
    const { x, y, w, h } = layout.inner[i];
    const at = y + ((position + 0.5) / count) * h;
    context.fillStyle = "rgba(17, 24, 39, 0.75)";
    context.fillRect(x, at - 0.75, w, 1.5);
    context.fillStyle = theme.accent;
    for (const left of [x - 1, x + w - 4]) context.fillRect(left, at - 1.5, 5, 3);
  }
}

/** With a scale of its own, every tile tells its filter's norm. */
function drawNorms(context, layout, visible, frame, order) {
  context.font = `${layout.font}px ${FONT}`;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillStyle = theme.grey;
  for (const i of visible) {
    const { x, y, w } = layout.tiles[i];
    if (!frame.marks[order[i]]) context.fillText(`‖w‖ ${formatValue(frame.norm[order[i]])}`, x + w - 7, y + 9.5);
  }
}
