/** A small plot with axes, a readout that follows the pointer, and a click that tells where. */

import { el, fitCanvas, setText } from "./dom.js";
import { paintHeat } from "../draw/heat.js";
import { Sheet } from "../draw/sheet.js";
import { theme } from "../draw/palette.js";
import { formatValue } from "./words.js";

const FONT = "10.5px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const LEFT = 44;
const RIGHT = 10;
const TOP = 6;
const BOTTOM = 20;

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

export class Plot {
  #spec = null;
  #pointer = null;
  #heat = document.createElement("canvas");
  #still = document.createElement("canvas");
  #stillKey = [];

  /** @param {string} title @param {number} height CSS pixels @param {(x: number, y: number) => void} [onPick] */
  constructor(title, height, onPick = null) {
    this.height = height;
    /** CSS pixels, told by whoever lays plots out: measuring each would lay the page out as often. */
    this.width = 0;
    /** For curves that are painted by hand. */
    this.sheet = new Sheet();
    this.title = el("span", { class: "plot-title", text: title });
    this.readout = el("span", { class: "plot-readout" });
    this.canvas = el("canvas", { class: onPick ? "plot-canvas pickable" : "plot-canvas", role: "img" });
    this.element = el("figure", { class: "plot" }, el("figcaption", {}, this.title, this.readout), this.canvas);
    const move = (event) => {
      this.#pointer = event;
      this.#draw();
      if (onPick && event.buttons === 1) this.#pick(onPick);
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerleave", () => {
      this.#pointer = null;
      this.#draw();
    });
    if (onPick) this.canvas.addEventListener("pointerdown", (event) => ((this.#pointer = event), this.#pick(onPick)));
  }

  #pick(onPick) {
    const at = this.#under();
    if (at) onPick(at.x, at.y);
  }

  /**
   * @param {object} spec `x` and `y` axes (`{low, high, ticks, format, label, down}`), `paint(context, box, toX, toY)`,
   *   or `heat` (`{values, rows, columns, scale}`); `read(x, y)`: words under the pointer; `rest`: words without one;
   *   `marks`: `[{x | y, colour, dash, words}]`; `label`: words for screen readers; `still`: what the picture without
   *   marks depends on besides size and colours, if it is worth keeping.
   */
  show(spec) {
    this.#spec = spec;
    setText(this.title, spec.title ?? this.title.textContent);
    this.canvas.setAttribute("aria-label", spec.label ?? this.title.textContent);
    this.#draw();
  }

  get #box() {
    const { width } = this;
    return {
      x: LEFT,
      y: TOP,
      w: Math.max(width - LEFT - RIGHT, 10),
      h: this.height - TOP - (this.#spec.x.bare ? 6 : BOTTOM),
      width,
    };
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
    const box = this.#box;
    const context = fitCanvas(this.canvas, box.width, this.height);
    context.clearRect(0, 0, box.width, this.height);
    const [toX, toY] = this.#scales(box);
    if (spec.still) this.#reuse(context, box, toX, toY);
    else this.#picture(context, box, toX, toY);
    context.save();
    clipTo(context, box);
    this.#marks(context, box, toX, toY);
    const at = this.#under();
    if (at) crosshair(context, box, at, Boolean(spec.heat));
    context.restore();
    setText(this.readout, (at && spec.read ? spec.read(at.x, at.y) : spec.rest) ?? "");
  }

  /** Draw the whole plot on another canvas, at its origin and resolution. */
  paintOn(context) {
    const box = this.#box;
    const [toX, toY] = this.#scales(box);
    this.#picture(context, box, toX, toY);
    context.save();
    clipTo(context, box);
    this.#marks(context, box, toX, toY);
    context.restore();
  }

  #scales(box) {
    const { x, y } = this.#spec;
    const toX = (value) => box.x + ((value - x.low) / (x.high - x.low)) * box.w;
    const toY = (value) => {
      const share = (value - y.low) / (y.high - y.low);
      return box.y + (y.down ? share : 1 - share) * box.h;
    };
    return [toX, toY];
  }

  #marks(context, box, toX, toY) {
    context.font = FONT;
    for (const mark of this.#spec.marks ?? []) drawMark(context, box, mark, toX, toY);
  }

  /** Lay the kept picture, made anew if anything that it shows has changed. */
  #reuse(context, box, toX, toY) {
    const key = [box.width, this.height, window.devicePixelRatio, theme.name, ...this.#spec.still];
    if (key.length !== this.#stillKey.length || key.some((value, i) => value !== this.#stillKey[i])) {
      this.#stillKey = key;
      const still = fitCanvas(this.#still, box.width, this.height);
      still.clearRect(0, 0, box.width, this.height);
      this.#picture(still, box, toX, toY);
    }
    context.drawImage(this.#still, 0, 0, box.width, this.height);
  }

  /** Axes and numbers. */
  #picture(context, box, toX, toY) {
    context.font = FONT;
    this.#axes(context, box, toX, toY);
    context.save();
    clipTo(context, box);
    if (this.#spec.heat) this.#paintHeat(context, box);
    this.#spec.paint?.(context, box, toX, toY);
    context.restore();
  }

  #axes(context, box, toX, toY) {
    const { x, y, heat } = this.#spec;
    context.strokeStyle = theme.edge;
    context.fillStyle = theme.grey;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of y.ticks ?? niceTicks(y.low, y.high, Math.max(2, box.h / 34), y.whole)) {
      const at = Math.round(toY(tick)) + 0.5;
      if (!heat) line(context, box.x, at, box.x + box.w, at);
      context.fillText(
        (y.format ?? formatValue)(tick),
        box.x - 6,
        Math.min(Math.max(at, box.y + 4), box.y + box.h - 3),
      );
    }
    if (x.bare) return;
    context.textBaseline = "top";
    const ticks = x.ticks ?? niceTicks(x.low, x.high, box.w / 62, x.whole);
    const label = x.label ?? "";
    const reserve = context.measureText(label).width + 8;
    for (const tick of ticks) {
      const at = toX(tick);
      const words = (x.format ?? formatValue)(tick);
      const half = context.measureText(words).width / 2;
      context.beginPath();
      context.strokeStyle = theme.faint;
      line(context, at, box.y + box.h, at, box.y + box.h + 3);
      if (at + half > box.x + box.w - reserve) continue;
      context.textAlign = at - half < box.x - 4 ? "left" : "center";
      context.fillText(words, context.textAlign === "left" ? box.x : at, box.y + box.h + 6);
    }
    context.textAlign = "right";
    context.fillText(label, box.x + box.w, box.y + box.h + 6);
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

function clipTo(context, box) {
  context.beginPath();
  context.rect(box.x, box.y - 1, box.w, box.h + 2);
  context.clip();
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
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
    if (x !== undefined) line(context, toX(x), box.y, toX(x), box.y + box.h);
    if (y !== undefined) line(context, box.x, toY(y), box.x + box.w, toY(y));
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

function crosshair(context, box, { px, py }, both) {
  context.strokeStyle = both ? "rgba(17, 24, 39, 0.7)" : theme.grey;
  context.lineWidth = 1;
  context.setLineDash([2, 2]);
  line(context, px, box.y, px, box.y + box.h);
  if (both) line(context, box.x, py, box.x + box.w, py);
  context.setLineDash([]);
}
