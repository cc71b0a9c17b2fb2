/** A small plot with axes, a readout that follows the pointer, and a click that tells where. */

import { clipTo, crosshair, drawAxes, drawMarks, plotBox, scalesOf } from "../draw/axes.js";
import { fitCanvas } from "../draw/canvas.js";
import { pixelOf } from "../draw/colours.js";
import { paintHeat } from "../draw/heat.js";
import { Still } from "../draw/kept.js";
import { paintCurve } from "../draw/linework.js";
import { Sheet } from "../draw/sheet.js";
import { el, setText } from "./dom.js";

export class Plot {
  #spec = null;
  #pointer = null;
  #heat = document.createElement("canvas");
  #still = new Still();
  #sheet = new Sheet();

  /** @param {string} title @param {number} height CSS pixels @param {(x: number, y: number) => void} [onPick] */
  constructor(title, height, onPick = null) {
    this.height = height;
    /** CSS pixels, told by whoever lays plots out: measuring each would lay the page out as often. */
    this.width = 0;
    this.title = el("span", { class: "plot-title", text: title });
    this.readout = el("span", { class: "plot-readout" });
    this.canvas = el("canvas", { class: onPick ? "plot-canvas pickable" : "plot-canvas", role: "img" });
    this.element = el("figure", { class: "plot" }, el("figcaption", {}, this.title, this.readout), this.canvas);
    const point = (pointer) => {
      this.#pointer = pointer;
      this.#draw();
    };
    const pick = (event) => {
      point(event);
      const at = this.#under();
      if (at) onPick?.(at.x, at.y);
    };
    this.canvas.addEventListener("pointermove", (event) => (event.buttons === 1 ? pick(event) : point(event)));
    this.canvas.addEventListener("pointerleave", () => point(null));
    this.canvas.addEventListener("pointerdown", (event) => event.button === 0 && pick(event));
  }

  /**
   * @param {Record<string, any>} spec `x` and `y` axes (`{low, high, ticks, format, label, down, room}`), `paint(context, box, toX, toY)`,
   *   or `heat` (`{values, rows, columns, scale}`); `read(x, y)`: words under the pointer; `rest`: words without one;
   *   `marks`: `[{x | y, colour, dash, words}]`; `label`: words for screen readers; `still`: what the picture without
   *   marks depends on besides size and colours, if it is worth keeping.
   */
  show(spec) {
    this.#spec = spec;
    setText(this.title, spec.title);
    this.canvas.setAttribute("aria-label", spec.label);
    this.#draw();
  }

  get #box() {
    return plotBox(this.width, this.height, this.#spec);
  }

  #under() {
    if (!this.#pointer || !this.#spec) return null;
    const frame = this.canvas.getBoundingClientRect();
    const { x: left, y: top, w, h } = this.#box;
    const [px, py] = [this.#pointer.clientX - frame.left, this.#pointer.clientY - frame.top];
    if (px < left - 4 || px > left + w + 4 || py < top - 4 || py > top + h + 4) return null;
    const { x, y } = this.#spec;
    const [shareX, shareY] = [Math.min(Math.max((px - left) / w, 0), 1), Math.min(Math.max((py - top) / h, 0), 1)];
    const valueY = y.down ? y.low + shareY * (y.high - y.low) : y.high - shareY * (y.high - y.low);
    return { x: x.low + shareX * (x.high - x.low), y: valueY, px, py };
  }

  #draw() {
    const spec = this.#spec;
    if (!spec || this.width < 1) return;
    const { width, height } = this;
    const context = fitCanvas(this.canvas, width, height);
    context.clearRect(0, 0, width, height);
    const picture = (target) => this.#picture(target);
    if (spec.still) context.drawImage(this.#still.of(width, height, spec.still, picture), 0, 0, width, height);
    else picture(context);
    const at = this.#under();
    this.#mark(context, at);
    setText(this.readout, at ? spec.read(at.x, at.y) : spec.rest);
  }

  /** Draw the whole plot on another canvas, at its origin and resolution. */
  paintOn(context) {
    this.#picture(context);
    this.#mark(context, null);
  }

  /**
   * Paint curves by hand, one over the other, for `paint` of the spec.
   *
   * @param {[ArrayLike<number> | null, string, number][]} lines Numbers, colour, and CSS pixels; null: none.
   * @param {import("../draw/curve.js").Place[]} places Where the numbers lie, in a row at each of them.
   */
  paintCurves(context, box, lines, places) {
    for (const [values, tone, width] of lines.filter(([each]) => each)) {
      const count = values.length / places.length;
      this.#sheet.paint(context, box, { top: 0, bottom: this.height }, (pixels, stride, ratio) => {
        places.forEach((place, i) => {
          const scaled = this.#sheet.scaled(place, { top: 0 });
          paintCurve(pixels, stride, scaled, values, i * count, count, pixelOf(tone), width * ratio);
        });
      });
    }
  }

  /** Axes and numbers. */
  #picture(context) {
    const box = this.#box;
    const [toX, toY] = scalesOf(this.#spec, box);
    drawAxes(context, box, this.#spec, toX, toY);
    context.save();
    clipTo(context, box);
    if (this.#spec.heat) this.#paintHeat(context, box);
    this.#spec.paint?.(context, box, toX, toY);
    context.restore();
  }

  /** What lies on them: marks, and where the pointer is. */
  #mark(context, at) {
    const box = this.#box;
    const [toX, toY] = scalesOf(this.#spec, box);
    context.save();
    clipTo(context, box);
    drawMarks(context, box, this.#spec.marks ?? [], toX, toY);
    if (at) crosshair(context, box, at, Boolean(this.#spec.heat));
    context.restore();
  }

  #paintHeat(context, box) {
    const ratio = window.devicePixelRatio || 1;
    const { values, rows, columns, scale } = this.#spec.heat;
    const [w, h] = [Math.round(box.w * ratio), Math.round(box.h * ratio)];
    Object.assign(this.#heat, { width: w, height: h });
    const image = new ImageData(w, h);
    paintHeat(new Uint32Array(image.data.buffer), w, { x: 0, y: 0, w, h }, values, 0, rows, columns, scale);
    this.#heat.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#heat, box.x, box.y, box.w, box.h);
  }
}
