/** Eight moments of one filter side by side: how it came about. A click goes to one. */

import { fitCanvas } from "../draw/canvas.js";
import { rotationColour, weightScale } from "../draw/colours.js";
import { paintStems, STEM_TAPS, strokeLine } from "../draw/curve.js";
import { paintHeat } from "../draw/heat.js";
import { Key } from "../draw/kept.js";
import { theme } from "../draw/palette.js";
import { placeCurve } from "../draw/shapes.js";
import { Sheet } from "../draw/sheet.js";
import { magnitudes } from "../numbers/rows.js";
import { tellingMoments } from "../numbers/telling.js";
import { largest } from "./detail_moment.js";
import { button, el, setText } from "./dom.js";

const MOST = 8;
const HEIGHT = 54;
const GAP = 6;
/** CSS pixels left and right of them, as for the plots' words. */
const INDENT = 26;

export class Moments {
  #key = new Key();
  #sheet = new Sheet();

  /** @param {(position: number) => void} seek */
  constructor(seek) {
    this.title = el("span", { class: "plot-title", text: "How it came about" });
    this.pale = el("span", { class: "plot-readout" });
    this.buttons = Array.from({ length: MOST }, () => {
      const canvas = el("canvas", { "aria-hidden": "true" });
      const words = el("span", {});
      const properties = { class: "moment-tile fine", "data-testid": "detail-moment" };
      const tile = button(properties, () => seek(Number(tile.dataset.position)), canvas, words);
      return Object.assign(tile, { canvas, words });
    });
    this.strip = el("div", { class: "moment-strip" }, ...this.buttons);
    this.element = el(
      "figure",
      { class: "plot moments", role: "group", "aria-label": "Moments of this filter" },
      el("figcaption", {}, this.title, this.pale),
      this.strip,
    );
  }

  /** @param {any} moment With the filter's `history`; null without a reference. @param {number} width CSS pixels. */
  draw(moment, width) {
    const { series, history, position } = moment;
    this.element.hidden = !history || history.positions.length < 2;
    if (this.element.hidden) return;
    const across = width > 560 ? MOST : MOST / 2;
    const each = Math.floor((width - INDENT - GAP * (across - 1)) / across);
    if (this.#key.turned(history, each, window.devicePixelRatio, theme.name)) {
      this.strip.style.setProperty("--across", String(across));
      this.#drawAll(moment, each);
    }
    for (const button of this.buttons) {
      const here = Number(button.dataset.position) === position;
      if (here) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    this.element.dataset.filter = series.numberOf(moment.row);
  }

  #drawAll({ series, row, history }, width) {
    // What was forgotten meanwhile comes with the next reading of the history.
    const places = history.positions.map((_, i) => i).filter((i) => series.isLoaded(history.positions[i]));
    const at = (values) => places.map((i) => values[i]);
    const chosen = tellingMoments(at(history.positions), at(history.path), MOST).map((i) => places[i]);
    const { header } = series;
    const [, channels, taps] = header.shape;
    const rows = taps === 1 ? 1 : channels;
    const values = chosen.map((i) => {
      const weights = series.filterWeights(history.positions[i], row);
      return header.complex ? magnitudes(weights) : weights;
    });
    const shape = { rows, columns: values[0].length / rows, signed: !header.complex, limit: largest(...values) || 1 };
    setText(this.pale, rows === 1 ? "pale: the one before" : "channels ↓ taps →");
    this.buttons.forEach((button, k) => {
      button.hidden = k >= chosen.length;
      if (button.hidden) return;
      const position = history.positions[chosen[k]];
      const rotation = history.rotation[chosen[k]];
      button.dataset.position = position;
      setText(button.words, series.moment(position));
      button.setAttribute("aria-label", `Go to ${series.moment(position)}`);
      const context = fitCanvas(button.canvas, width, HEIGHT);
      context.fillStyle = theme.tile;
      context.fillRect(0, 0, width, HEIGHT);
      const tone = rotationColour(rotation, theme.undefinedLine);
      if (rows > 1) this.#drawHeat(context, width, values[k], shape);
      else drawCurve(context, width, [values[k - 1], values[k]], shape, tone);
    });
  }

  #drawHeat(context, width, values, { rows, columns, signed, limit }) {
    const scale = weightScale(signed, limit);
    this.#sheet.paint(context, { width }, { top: 0, bottom: HEIGHT }, (pixels, stride) => {
      const box = { x: 0, y: 0, w: stride, h: pixels.length / stride };
      paintHeat(pixels, stride, box, values, 0, rows, columns, scale);
    });
  }

  /** Draw it on another canvas, at its origin. */
  paintOn(context) {
    const frame = this.strip.getBoundingClientRect();
    for (const button of this.buttons.filter(({ hidden }) => !hidden)) {
      const box = button.canvas.getBoundingClientRect();
      const [x, y] = [box.x - frame.x, box.y - frame.y];
      context.drawImage(button.canvas, x, y, box.width, box.height);
      context.strokeStyle = theme.faint;
      context.lineWidth = 1;
      context.strokeRect(x, y, box.width, box.height);
      context.font = "11px system-ui, sans-serif";
      context.fillStyle = theme.grey;
      context.textAlign = "center";
      context.textBaseline = "top";
      context.fillText(button.words.textContent, x + box.width / 2, y + box.height + 3);
    }
  }
}

/** A filter over its taps, and the moment before in pale behind it. */
function drawCurve(context, width, [before, now], { columns, signed, limit }, tone) {
  const place = placeCurve({ x: 3, y: 3, w: width - 6, h: HEIGHT - 6 }, columns, limit, signed);
  context.fillStyle = theme.zero;
  context.fillRect(0, Math.round(place.zero) - 0.5, width, 1);
  context.lineJoin = "round";
  for (const [values, colour, share, line] of [
    [before, theme.ghost, 0.8, 1.25],
    [now, tone, 0.45, 1.5],
  ]) {
    if (!values) continue;
    if (columns <= STEM_TAPS) paintStems(context, values, 0, columns, place, share, colour);
    else strokeLine(context, values, place, colour, line);
  }
}
