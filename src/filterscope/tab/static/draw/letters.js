/** Sequence logos: letters stacked by weight, painted straight into pixels. */

import { stackHeight } from "../numbers/letters.js";
import { pixelOf } from "./colours.js";
import { theme } from "./palette.js";

/** What readers of DNA and RNA are used to. */
const NUCLEOTIDES = { A: "#0f8a43", C: "#2557a7", G: "#f0a01e", T: "#d62839", U: "#d62839" };
/** Of the others, as in filterscope's pictures: as far apart as colours that are seen on white can be. */
const OTHERS = (
  "a6a6a6 eb00eb 261300 0000a6 eb81d0 00cc00 590043 91a600 004e59 00b0eb 806926 eb8e81 8932a6 00ccb3 eb0093 802626 " +
  "eb5800 160059 465beb 191526 365931"
).split(" ");
const NAMES = "NBDEFHIJKLMOPQRSVWXYZ";
/** Of a letter's width to that of its tap. */
const FILLED = 0.96;
/** Of width to height, from which on a letter is as wide as its tap: an I would be a block. */
const WIDE = 0.6;
/** Of a tile's half height: smaller letters cannot be seen. */
const LEAST = 0.01;
/** CSS pixels of a tap's width and of a tile's height, below which letters cannot be read. */
const LEGIBLE = { w: 6, h: 40 };
/** Pixels of the picture of a letter, either way. */
const SIZE = 64;
/** How far letters are on their way to white where the page is dark: they are made for white. */
const LIGHTER = 0.3;

const sums = new Map();

/** `#rrggbb`, the same in every picture; beyond A to Z letters share them. */
export function letterColour(letter) {
  const place = NAMES.indexOf(letter);
  const other = OTHERS[place >= 0 ? place : letter.codePointAt(0) % OTHERS.length];
  return NUCLEOTIDES[letter] ?? `#${other}`;
}

/** The same as a pixel without alpha, as the page's ground needs it. */
function toneOf(letter) {
  const pixel = pixelOf(letterColour(letter)) & 0xffffff;
  if (theme.name !== "dark") return pixel;
  const lighter = (part) => Math.round(part + LIGHTER * (255 - part));
  return lighter(pixel & 255) | (lighter((pixel >> 8) & 255) << 8) | (lighter(pixel >> 16) << 16);
}

/** The part of a tile that its letters take, beside the strip of its rotation. */
export function letterBox({ x, y, w, h }) {
  const strip = Math.max(2, Math.min(4, 0.03 * w));
  return { strip, x: x + 2.5 * strip, y, w: w - 2.5 * strip, h };
}

/** Whether letters of so many taps could be read in a tile. */
export function isLegible(box, taps) {
  return letterBox(box).w / taps >= LEGIBLE.w && box.h >= LEGIBLE.h;
}

/** How much of a letter lies in the first `v` rows and `u` columns of its picture: `(SIZE + 1)²` sums. */
function pictureOf(letter) {
  if (sums.has(letter)) return sums.get(letter);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: SIZE, height: SIZE });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.font = "bold 100px 'DejaVu Sans', Verdana, Arial, sans-serif";
  const measured = context.measureText(letter);
  const [left, top] = [measured.actualBoundingBoxLeft, measured.actualBoundingBoxAscent];
  const [w, h] = [left + measured.actualBoundingBoxRight || 1, top + measured.actualBoundingBoxDescent || 1];
  const width = Math.min(w / (WIDE * h), 1) * FILLED * SIZE;
  context.translate((SIZE - width) / 2, 0);
  context.scale(width / w, SIZE / h);
  context.fillText(letter, left, top);
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  const side = SIZE + 1;
  const table = new Float64Array(side * side);
  for (let v = 0; v < SIZE; v++) {
    for (let u = 0, row = 0; u < SIZE; u++) {
      row += data[4 * (v * SIZE + u) + 3] / 255;
      table[(v + 1) * side + u + 1] = table[v * side + u + 1] + row;
    }
  }
  sums.set(letter, table);
  return table;
}

const between = new Float64Array(SIZE + 1);

/** Sums of a picture over all columns up to each, of the rows from `v0` to `v1`, which may lie within rows. */
function sumRows(table, v0, v1) {
  const side = SIZE + 1;
  const at = (v, u) => {
    const place = v < 0 ? 0 : v > SIZE ? SIZE : v;
    const row = place | 0;
    const share = place - row;
    const sum = table[row * side + u];
    return share ? sum + share * (table[(row + 1) * side + u] - sum) : sum;
  };
  for (let u = 0; u <= SIZE; u++) between[u] = at(v1, u) - at(v0, u);
}

/** The sum up to a column, or within one. */
function sumTo(u) {
  const place = u < 0 ? 0 : u > SIZE ? SIZE : u;
  const column = place | 0;
  const share = place - column;
  return share ? between[column] + share * (between[column + 1] - between[column]) : between[column];
}

/** One letter that fills a box, in device pixels of the sheet: each pixel by how much of the letter lies in it. */
function paintLetter(sheet, stride, table, rgb, left, top, width, height) {
  const [across, down] = [SIZE / width, SIZE / height];
  const cell = across * down;
  const bottom = Math.min(Math.ceil(top + height), Math.floor(sheet.length / stride));
  const right = Math.min(Math.ceil(left + width), stride);
  for (let y = Math.max(Math.floor(top), 0); y < bottom; y++) {
    sumRows(table, (y - top) * down, (y + 1 - top) * down);
    const begin = Math.max(Math.floor(left), 0);
    let before = sumTo((begin - left) * across);
    for (let x = begin, target = y * stride + begin; x < right; x++, target++) {
      const after = sumTo((x + 1 - left) * across);
      const share = Math.round((255 * (after - before)) / cell);
      before = after;
      if (share < 1) continue;
      const covered = sheet[target] >>> 24;
      // Where two letters meet in a pixel, it has the colour of the one that has more of it.
      const colour = share >= covered ? rgb : sheet[target] & 0xffffff;
      sheet[target] = ((Math.min(255, covered + share) << 24) | colour) >>> 0;
    }
  }
}

/**
 * The logo of one filter.
 *
 * @param {Uint32Array} sheet Packed RGBA, rows of `stride` pixels.
 * @param {number} stride
 * @param {{x: number, y: number, w: number, h: number}} box In device pixels of the sheet.
 * @param {ArrayLike<number>} values `names.length x taps` weights from `at` on; those not finite are left out.
 * @param {number} at
 * @param {number} taps
 * @param {string[]} names The letters.
 * @param {number} limit Height of a stack that reaches the edge of the box; a higher one is drawn smaller.
 */
export function paintLogo(sheet, stride, box, values, at, taps, names, limit) {
  const slot = box.w / taps;
  const zero = box.y + box.h / 2;
  const letters = names.map((name) => ({ table: pictureOf(name), rgb: toneOf(name) }));
  const order = names.map((_, i) => i);
  for (let k = 0; k < taps; k++) {
    const weight = (letter) => values[at + letter * taps + k];
    const whole = stackHeight(values, at + k, names.length, taps);
    const scale = (0.49 * box.h) / Math.max(limit, whole);
    order.sort((a, b) => Math.abs(weight(a)) - Math.abs(weight(b)));
    let [up, down] = [0, 0];
    for (const letter of order) {
      const size = weight(letter) * scale;
      if (!(Math.abs(size) > LEAST * 0.5 * box.h)) continue;
      const { table, rgb } = letters[letter];
      const top = size > 0 ? zero - up - size : zero + down;
      paintLetter(sheet, stride, table, rgb, box.x + k * slot, top, slot, Math.abs(size));
      if (size > 0) up += size;
      else down -= size;
    }
  }
}
