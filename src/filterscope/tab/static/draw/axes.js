/** What surrounds the numbers of a plot, and what lies on them: axes with ticks, marks, a crosshair. */

import { formatValue } from "../numbers/format.js";
import { FAMILY, theme } from "./palette.js";

/** Of the words of all axes. */
export const FONT = `10.5px ${FAMILY}`;
const LEFT = 44;
const RIGHT = 10;
const TOP = 6;
const BOTTOM = 20;
/** Below, where the axis' name has a line of its own. */
const DEEP = 33;
/** Characters of an axis' name that stand left of its ticks. */
const SHORT = 6;
/** Names at the left are cut from so many CSS pixels on. */
const WIDEST = 118;

/** Round numbers from `low` to `high`, about `most` of them. */
export function niceTicks(low, high, most, whole = false) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough * 0.999);
  if (whole) step = Math.max(1, Math.round(step));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** CSS pixels at the left that some words need. */
export function roomFor(words) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = FONT;
  return Math.min(Math.max(LEFT, ...words.map((each) => context.measureText(each).width + 14)), WIDEST);
}

/** Where the axes of a plot span; without words below if its x axis is bare, with other `room` left of the y axis. */
export function plotBox(width, height, { x, y }) {
  const left = y.room ?? LEFT;
  const below = x.bare ? 6 : isLong(x) ? DEEP : BOTTOM;
  return { x: left, y: TOP, w: Math.max(width - left - RIGHT, 10), h: height - TOP - below, width };
}

function isLong({ label }) {
  return (label?.length ?? 0) > SHORT;
}

/** From values of both axes to CSS pixels. */
export function scalesOf({ x, y }, box) {
  const toX = (value) => box.x + ((value - x.low) / (x.high - x.low)) * box.w;
  const toY = (value) => {
    const share = (value - y.low) / (y.high - y.low);
    return box.y + (y.down ? share : 1 - share) * box.h;
  };
  return [toX, toY];
}

/** Keep what follows inside of the axes. */
export function clipTo(context, box) {
  context.beginPath();
  context.rect(box.x, box.y - 1, box.w, box.h + 2);
  context.clip();
}

/** Ticks, their words, and grid lines where no heat lies. */
export function drawAxes(context, box, { x, y, heat }, toX, toY) {
  context.font = FONT;
  context.strokeStyle = theme.edge;
  context.fillStyle = theme.grey;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of y.ticks ?? niceTicks(y.low, y.high, Math.max(2, box.h / 34), y.whole)) {
    const at = Math.round(toY(tick)) + 0.5;
    if (!heat) drawLine(context, box.x, at, box.x + box.w, at);
    context.fillText((y.format ?? formatValue)(tick), box.x - 6, Math.min(Math.max(at, box.y + 4), box.y + box.h - 3));
  }
  if (x.bare) return;
  context.textBaseline = "top";
  const ticks = x.ticks ?? niceTicks(x.low, x.high, box.w / 62, x.whole);
  for (const tick of ticks) {
    const at = toX(tick);
    const words = (x.format ?? formatValue)(tick);
    const half = context.measureText(words).width / 2;
    context.strokeStyle = theme.faint;
    drawLine(context, at, box.y + box.h, at, box.y + box.h + 3);
    // The last one ends with the plot rather than being cut there.
    const right = at + half > box.x + box.w + RIGHT - 1;
    const left = at - half < box.x - 4;
    context.textAlign = right ? "right" : left ? "left" : "center";
    context.fillText(words, right ? box.x + box.w + RIGHT - 1 : left ? box.x - 4 : at, box.y + box.h + 6);
  }
  if (!x.label) return;
  context.textAlign = "right";
  if (isLong(x)) context.fillText(x.label, box.x + box.w, box.y + box.h + 19);
  else context.fillText(x.label, box.x - 9, box.y + box.h + 6);
}

/** Lines at a value, with words: `[{x | y, colour, dash, words}]`. */
export function drawMarks(context, box, marks, toX, toY) {
  context.font = FONT;
  for (const mark of marks) drawMark(context, box, mark, toX, toY);
}

/** Marks where the stride of a layer folds frequencies back, on an axis of them; in words at the last. */
export function foldMarks({ folds }) {
  const words = (x) => (x === folds.at(-1) ? "stride folds here" : "");
  return folds.map((x) => ({ x, colour: theme.grey, dash: [4, 3], words: words(x) }));
}

function drawMark(context, box, { x, y, colour, dash, words }, toX, toY) {
  context.setLineDash(dash ?? []);
  // A dark line with a bright one on it shows on every heat map.
  for (const [stroke, width] of [
    [theme.page, dash ? 0 : 3.5],
    [colour, 1.5],
  ]) {
    if (!width) continue;
    context.strokeStyle = stroke;
    context.lineWidth = width;
    if (x !== undefined) drawLine(context, toX(x), box.y, toX(x), box.y + box.h);
    if (y !== undefined) drawLine(context, box.x, toY(y), box.x + box.w, toY(y));
  }
  context.setLineDash([]);
  if (words) {
    context.fillStyle = colour;
    context.textBaseline = "top";
    const right = toX(x) > box.x + box.w * 0.6;
    context.textAlign = right ? "right" : "left";
    context.fillText(words, toX(x) + (right ? -4 : 4), box.y + 2);
  }
}

/** Where the pointer is; on heat maps in both directions. */
export function crosshair(context, box, { px, py }, both) {
  context.strokeStyle = both ? "rgba(17, 24, 39, 0.7)" : theme.grey;
  context.lineWidth = 1;
  context.setLineDash([2, 2]);
  drawLine(context, px, box.y, px, box.y + box.h);
  if (both) drawLine(context, box.x, py, box.x + box.w, py);
  context.setLineDash([]);
}

export function drawLine(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
