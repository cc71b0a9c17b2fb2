/** What lies behind the slider: a scalar above, changes below it, the line of snapshots and the axis of time. */

import { formatCount } from "../numbers/format.js";
import { placeOfTime } from "../numbers/timeline.js";
import { drawLine, FONT, niceTicks } from "./axes.js";
import { theme } from "./palette.js";

/** Half the width of the slider's knob: its middle runs between these insets. */
export const INSET = 8;
/** CSS pixels from the top: ends of both tracks, the line of snapshots, the words of the axis. */
const SCALAR = { top: 7, bottom: 32 };
const CHANGE = { top: 46, bottom: 66 };
const LINE = 74;
const WORDS = 84;
/** A bar is no wider, however few there are. */
const WIDEST = 22;

/** From places among `count` snapshots to CSS pixels. */
export function placesOn(width, count) {
  const span = width - 2 * INSET;
  return (place) => INSET + (count > 1 ? place / (count - 1) : 0.5) * span;
}

const levelY = (share) => SCALAR.bottom - share * (SCALAR.bottom - SCALAR.top);
// The least change still shows that there is one.
const shareY = (share) => CHANGE.bottom - (0.1 + 0.9 * share) * (CHANGE.bottom - CHANGE.top);

/**
 * All that stays as it is while the shown moment changes.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} width CSS pixels.
 * @param {import("../numbers/moments.js").Track} track
 * @param {(position: number) => boolean} isLoaded
 */
export function paintTracks(context, width, track, isLoaded) {
  const count = track.times.length;
  const at = placesOn(width, count);
  paintAxis(context, width, track, at);
  context.fillStyle = theme.edge;
  context.fillRect(INSET, CHANGE.bottom, width - 2 * INSET, 1);
  const bar = barWidth(at);
  paintBars(context, track, at, bar, theme.undefinedLine);
  if (track.other) {
    const tops = track.other.changes.map(([place, value]) => [place, value === null ? null : track.share(value)]);
    paintLine(context, tops, at, shareY, theme.ink, [2, 2]);
    paintLine(context, levels(track.other, track), at, levelY, theme.ghost);
  }
  paintLine(context, levels(track.own, track), at, levelY, theme.plain);
  context.fillStyle = theme.faint;
  context.fillRect(INSET, LINE - 1, width - 2 * INSET, 3);
  paintLoaded(context, count, at, isLoaded);
}

function levels({ curve }, track) {
  return curve.map(([place, value]) => [place, value === null ? null : track.level(value)]);
}

function barWidth(at) {
  const each = at(1) - at(0);
  return each > 3 ? Math.min(each - 1, WIDEST) : Math.max(each, 1);
}

/** More of them than pixels leave the highest in sight: all are of one colour. */
function paintBars(context, { own, share }, at, width, colour) {
  context.fillStyle = colour;
  for (const [place, value] of own.changes) {
    if (value === null) continue;
    const y = shareY(Math.max(share(value), 0));
    context.fillRect(at(place) - width / 2, y, width, CHANGE.bottom - y);
  }
  // What is no number has no height: it is marked from top to bottom.
  context.fillStyle = theme.broken;
  for (const [place, value] of own.changes) {
    if (value === null) context.fillRect(at(place) - width / 2, CHANGE.top, width, CHANGE.bottom - CHANGE.top);
  }
}

/** A line through `[place, value]`; it breaks where one is no number. */
export function paintLine(context, points, at, y, colour, dash = []) {
  context.beginPath();
  let broken = true;
  for (const [place, share] of points) {
    if (share === null || !Number.isFinite(y(share))) broken = true;
    else {
      if (broken) context.moveTo(at(place), y(share));
      context.lineTo(at(place), y(share));
      broken = false;
    }
  }
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

function paintAxis(context, width, { times }, at) {
  const [low, high] = [times[0], times.at(-1)];
  context.font = FONT;
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const tick of niceTicks(low, high, width / 70, true)) {
    const x = at(placeOfTime(times, tick));
    const words = formatCount(tick);
    const half = context.measureText(words).width / 2;
    context.fillStyle = theme.edge;
    context.fillRect(x - 0.5, SCALAR.top, 1, LINE - SCALAR.top);
    context.fillStyle = theme.faint;
    context.fillRect(x - 0.5, LINE + 2, 1, 5);
    context.fillStyle = theme.grey;
    context.fillText(words, Math.min(Math.max(x, half), width - half), WORDS);
  }
}

/** The part of the line whose snapshots are there. */
function paintLoaded(context, count, at, isLoaded) {
  const loaded = Array.from({ length: count }, (_, i) => isLoaded(i));
  if (loaded.every(Boolean)) return;
  const half = Math.max((at(1) - at(0)) / 2, 0.5);
  context.fillStyle = theme.grey;
  context.globalAlpha = 0.6;
  loaded.forEach((there, i) => there && context.fillRect(at(i) - half, LINE - 1, 2 * half, 3));
  context.globalAlpha = 1;
}

/**
 * Where the user is, has pinned, and points.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} width CSS pixels.
 * @param {import("../numbers/moments.js").Track} track
 * @param {{position: number, pinned: number, hovered: number}} places -1: none.
 * @param {[number | null | undefined, number | null | undefined]} values Change and scalar at the position.
 */
export function paintPlaces(context, width, track, { position, pinned, hovered }, [change, level]) {
  const at = placesOn(width, track.times.length);
  const x = at(position);
  context.fillStyle = theme.accent;
  context.fillRect(INSET, LINE - 1, x - INSET, 3);
  if (change !== undefined)
    paintBars(context, { own: { changes: [[position, change]] }, share: track.share }, at, barWidth(at), theme.accent);
  context.fillRect(x - 0.5, SCALAR.top, 1, LINE - SCALAR.top);
  if (Number.isFinite(level)) {
    context.beginPath();
    context.arc(x, levelY(track.level(level)), 3.5, 0, 2 * Math.PI);
    context.fillStyle = theme.plain;
    context.fill();
  }
  if (hovered >= 0) dashed(context, at(hovered), theme.grey);
  if (pinned >= 0) {
    dashed(context, at(pinned), theme.ink);
    paintPin(context, at(pinned));
  }
}

function dashed(context, x, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash([2, 2]);
  drawLine(context, x, SCALAR.top, x, LINE - 1);
  context.setLineDash([]);
}

function paintPin(context, x) {
  context.fillStyle = theme.ink;
  context.beginPath();
  context.moveTo(x, LINE - 2);
  context.lineTo(x - 4, LINE - 10);
  context.lineTo(x + 4, LINE - 10);
  context.fill();
}
