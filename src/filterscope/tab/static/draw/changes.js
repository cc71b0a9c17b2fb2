/** The map of change over time: a strip of pixels for each layer, in one colour scale that is logarithmic. */

import { changeColumns, changeShare } from "../numbers/timeline.js";
import { fitCanvas } from "./canvas.js";
import { heatTable } from "./colours.js";
import { theme } from "./palette.js";

/** CSS pixels of the line that tells of dead filters. */
const DEAD_LINE = 2;

/**
 * Paint one layer's changes, with a line below from when it has dead filters.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{w: number, h: number}} size CSS pixels.
 * @param {Parameters<typeof changeColumns>[0] | null} layer As for `changeColumns`; null where none was logged.
 * @param {[number, number][]} dead Times at which the dead filters become some or none, and whether there are any.
 * @param {{low: number, high: number}} axis
 * @param {[number, number]} limits
 */
export function paintChanges(canvas, { w, h }, layer, dead, axis, limits) {
  const context = fitCanvas(canvas, w, h);
  const { width, height } = canvas;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const table = heatTable("change");
  const [ink, page] = theme.name === "dark" ? [0xffedeae8, 0xff211d1b] : [0xff271811, 0xffffffff];
  const found = layer ? changeColumns(layer, axis, width) : [];
  found.forEach((value, x) => {
    if (value === undefined) return;
    const colour = table[Math.round(changeShare(value, limits) * (table.length - 1))];
    for (let y = 0; y < height; y++) {
      // What is no number is hatched: it has no place on the scale.
      pixels[y * width + x] = value === null ? ((x + y) % 8 < 4 ? ink : page) : colour;
    }
  });
  context.putImageData(image, 0, 0);
  const x = (time) => ((time - axis.low) / (axis.high - axis.low)) * w;
  dead.forEach(([time, some], i) => {
    if (!some) return;
    const end = dead[i + 1]?.[0] ?? axis.high;
    context.fillStyle = theme.page;
    context.fillRect(x(time), h - DEAD_LINE - 1, x(end) - x(time), DEAD_LINE + 1);
    context.fillStyle = theme.ink;
    context.fillRect(x(time), h - DEAD_LINE, x(end) - x(time), DEAD_LINE);
  });
}
