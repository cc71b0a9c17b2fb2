/** Small pictures of the modes. */

import { gradient, rotationColour } from "../draw/colours.js";
import { theme } from "../draw/palette.js";
import { svg } from "./dom.js";

const [WIDTH, HEIGHT] = [72, 44];
const POINTS = 33;

function line(of) {
  const points = Array.from({ length: POINTS }, (_, i) => {
    const at = i / (POINTS - 1);
    return `${(6 + at * (WIDTH - 12)).toFixed(1)},${(HEIGHT / 2 - of(at)).toFixed(1)}`;
  });
  return points.join(" ");
}

const bell = (at, middle, width) => Math.exp(-(((at - middle) / width) ** 2));
const before = (at) => 9 * Math.sin(31 * at * at + 2) * Math.cos(9 * at);
const now = (at) => 16 * bell(at, 0.5, 0.26) * Math.cos(22 * (at - 0.5));

function curve(of, stroke) {
  return svg("polyline", { points: line(of), fill: "none", stroke, "stroke-width": 1.75, "stroke-linejoin": "round" });
}

function area(of, fill) {
  const [left, right] = [6, WIDTH - 6];
  const points = `${left},${HEIGHT / 2} ${line(of)} ${right},${HEIGHT / 2}`;
  return svg("polygon", { points, fill, "fill-opacity": 0.2 });
}

/** Rows of cells that take on their colours from the top to the bottom. */
function cells() {
  const [columns, rows] = [10, 7];
  const colours = gradient("signed").match(/#[0-9a-f]{6}/g);
  return Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    const value = (now((x + 0.5) / columns) / 16) * (y / (rows - 1)) ** 0.6;
    const fill = colours[Math.round((0.5 + 0.5 * value) * (colours.length - 1))];
    return svg("rect", { x: 6 + x * 6, y: 4 + y * 5, width: 6, height: 5, fill });
  });
}

/** @param {string} mode @returns {SVGElement} A picture of how a tile looks in a mode. */
export function sketch(mode) {
  const colour = rotationColour(0.5, theme.undefinedLine);
  const zero = svg("line", { x1: 6, x2: WIDTH - 6, y1: HEIGHT / 2, y2: HEIGHT / 2, stroke: theme.zero });
  const high = (at) => 34 * bell(at, 0.42, 0.16) - 17;
  const low = (at) => 30 * bell(at, 0.2, 0.4) - 17;
  const content = {
    taps: () => [zero, curve(before, theme.ghost), curve(now, colour)],
    change: () => [zero, area(now, colour), curve(now, colour)],
    response: () => [curve(low, theme.ghost), curve(high, colour)],
    evolution: () => [...cells(), svg("rect", { x: 5, y: 30, width: WIDTH - 10, height: 1.5, fill: theme.accent })],
  }[mode]();
  const face = svg("rect", {
    x: 0.5,
    y: 0.5,
    width: WIDTH - 1,
    height: HEIGHT - 1,
    rx: 5,
    fill: theme.tile,
    stroke: theme.edge,
  });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sketch", "aria-hidden": "true" }, face, ...content);
}
