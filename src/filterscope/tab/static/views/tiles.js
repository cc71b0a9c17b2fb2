/** How tiles look: faces, numbers and ghosts that stay, the filters' shapes that move, and what lies on top. */

import { STEM_TAPS } from "../draw/curve.js";
import { FAMILY, theme } from "../draw/palette.js";
import {
  drawCurves,
  drawFolds,
  drawFrames,
  drawGhosts,
  drawHeat,
  drawLogos,
  drawStems,
  placeCurve,
} from "../draw/shapes.js";
import { formatValue } from "../numbers/format.js";
import { stackPeaks } from "../numbers/letters.js";

/** Everything below the moving curves: ground, faces, numbers, zero lines, ghosts; in evolution the heat, too. */
export function drawStill(context, layout, visible, scene, seen) {
  const { frame, order, series, found } = scene;
  context.fillStyle = theme.ground;
  context.fillRect(0, seen.top, layout.width, seen.bottom - seen.top);
  context.lineWidth = 1;
  for (const i of visible) {
    const mark = frame.marks[order[i]];
    outline(context, layout, i, 1);
    context.fillStyle = mark === "dead" ? theme.dead : mark === "NaN" ? theme.broken : theme.tile;
    context.fill();
    context.strokeStyle = theme.edge;
    context.stroke();
  }
  if (layout.head) drawNumbers(context, layout, visible, scene);
  if (frame.kind === "curve" || frame.kind === "logo") {
    context.fillStyle = theme.zero;
    for (const i of visible) {
      const box = layout.inner[i];
      const { zero } = placeCurve(box, 1, 1, frame.signed);
      context.fillRect(box.x, Math.round(zero) - 0.5, box.w, 1);
    }
  }
  if (frame.kind === "response") drawFolds(context, layout, visible, frame, series.header);
  if (frame.ghost) drawGhosts(context, layout, visible, scene, seen);
  if (scene.evolution) drawHeat(context, layout, visible, scene, seen, scene.evolution);
  if (found.size)
    fade(
      context,
      layout,
      visible.filter((i) => !isLit(scene, order[i])),
    );
}

/** The edge of a tile as a path for a line of some width. */
function outline(context, { tiles, radius }, i, width) {
  const { x, y, w, h } = tiles[i];
  context.beginPath();
  context.roundRect(x + width / 2, y + width / 2, w - width, h - width, radius);
}

function drawNumbers(context, layout, visible, { frame, order, series }) {
  context.textBaseline = "middle";
  const baseline = layout.head === 17 ? 9.5 : 7;
  const inset = layout.head === 17 ? 7 : 4;
  for (const i of visible) {
    const { x, y, w } = layout.tiles[i];
    const mark = frame.marks[order[i]];
    context.font = `${layout.font}px ${FAMILY}`;
    context.fillStyle = mark === "NaN" && theme.name === "dark" ? "#ffe2a6" : mark === "NaN" ? theme.ink : theme.grey;
    context.textAlign = "left";
    context.fillText(String(series.numberOf(order[i])), x + inset, y + baseline);
    if (mark && w > 44) {
      context.textAlign = "right";
      context.font = `600 ${layout.font}px ${FAMILY}`;
      context.fillText(mark, x + w - inset, y + baseline);
    }
  }
}

/** Whether a search asked for a filter, or it is open. */
function isLit({ found, series, selected }, row) {
  return found.has(series.numberOf(row)) || row === selected;
}

/** What a search did not ask for recedes. */
function fade(context, layout, visible) {
  context.globalAlpha = 0.82;
  context.fillStyle = theme.ground;
  for (const i of visible) {
    const { x, y, w, h } = layout.tiles[i];
    context.fillRect(x, y, w, h);
  }
  context.globalAlpha = 1;
}

/** What moves with the epoch. */
export function drawTiles(context, layout, visible, scene, seen) {
  const { frame, order, series, found } = scene;
  const shown = found.size ? visible.filter((i) => isLit(scene, order[i])) : visible;
  if (frame.kind === "curve" && frame.columns <= STEM_TAPS) drawStems(context, layout, shown, frame, order);
  else if (frame.kind === "curve" || frame.kind === "response") drawCurves(context, layout, shown, scene, seen);
  else if (frame.kind === "heat" && !frame.bare) drawHeat(context, layout, shown, scene, seen, frame);
  else if (frame.kind === "logo" && !frame.bare) drawLogos(context, layout, shown, scene, seen);
  if (frame.kind === "heat" || frame.kind === "evolution") drawFrames(context, layout, shown, frame, order);
  if (frame.kind === "evolution") drawMoment(context, layout, shown, scene);
  const cut = (frame.kind === "evolution" ? scene.evolution : frame)?.cut;
  const [ground, tone] =
    frame.kind === "curve" || theme.name === "dark" ? [theme.tile, theme.ink] : ["#ffffff", "#111827"];
  const beyond = shown.filter((i) => cut?.[order[i]]);
  drawCuts(context, layout, beyond, ground, tone);
  if (scene.scale === "filter" && frame.kind !== "response" && layout.head === 17)
    drawSizes(context, layout, shown, frame, order, (row) => `‖w‖ ${formatValue(frame.norm[row])}`);
  if (frame.kind === "logo" && frame.clipped && layout.head === 17) {
    const { shape } = series.header;
    const heights = stackPeaks(frame.values, shape);
    const higher = shown.filter((i) => heights[order[i]] > frame.limit);
    drawSizes(context, layout, higher, frame, order, (row) => `±${formatValue(heights[row])}`);
  }
  for (const [row, colour, width] of [
    [scene.hovered, theme.grey, 1],
    [scene.selected, theme.accent, 2],
  ]) {
    const i = row < 0 ? -1 : order.indexOf(row);
    if (i < 0) continue;
    outline(context, layout, i, width);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

/** What goes beyond the shared scale has a corner, on a wider one in another tone that shows it on cells of its own. */
function drawCuts(context, layout, visible, ground, tone) {
  for (const i of visible) {
    const { x, y, w, h } = layout.inner[i];
    const side = Math.min(Math.max(5, Math.min(w, h) / 4), 14);
    for (const [size, fill] of [
      [side + 2, ground],
      [side, tone],
    ]) {
      context.beginPath();
      context.moveTo(x + w - size, y);
      context.lineTo(x + w, y);
      context.lineTo(x + w, y + size);
      context.fillStyle = fill;
      context.fill();
    }
  }
}

/** The shown epoch in tiles of epochs x taps. */
function drawMoment(context, layout, visible, { position, series }) {
  for (const i of visible) {
    const { x, y, w, h } = layout.inner[i];
    const at = y + ((position + 0.5) / series.count) * h;
    // A line of the page's colour below tells it from the map; in small tiles it would hide too much of that.
    const [width, rim] = h > 60 ? [2, 1] : [1, 0];
    const top = Math.min(Math.max(Math.round(at - width / 2), y), y + h - width);
    context.fillStyle = theme.page;
    context.fillRect(x, top - rim, w, width + 2 * rim);
    context.fillStyle = theme.accent;
    context.fillRect(x, top, w, width);
  }
}

/** With a scale of its own, every tile tells its filter's norm; with one for all, how high stacks are that go beyond. */
function drawSizes(context, layout, visible, frame, order, words) {
  context.font = `${layout.font}px ${FAMILY}`;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillStyle = theme.grey;
  for (const i of visible) {
    const { x, y, w } = layout.tiles[i];
    if (!frame.marks[order[i]]) context.fillText(words(order[i]), x + w - 7, y + 9.5);
  }
}
