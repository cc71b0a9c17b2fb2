/** The bottom bar's slider: a stop per snapshot, with the layer's rotation curve, what is loaded, and the pin. */

import { fitCanvas } from "../draw/canvas.js";
import { rotationColour, rotationShare } from "../draw/colours.js";
import { theme } from "../draw/palette.js";
import { el } from "./dom.js";

/** Half the width of the slider's knob: its middle runs between these insets. */
const INSET = 8;

export class Scrubber {
  #still = document.createElement("canvas");
  #stillKey = [];
  #points = [];

  /** @param {(position: number) => void} onMove */
  constructor(onMove) {
    this.canvas = el("canvas", { class: "scrubber-curve", "aria-hidden": "true" });
    this.input = el("input", {
      type: "range",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      class: "scrubber-input",
      "data-testid": "scrubber",
      "aria-label": "Snapshot",
      on: { input: () => onMove(Number(this.input.value)) },
    });
    this.element = el("div", { class: "scrubber" }, this.canvas, this.input);
  }

  /**
   * @param {{series: import("../data/series.js").Series, other: import("../data/series.js").Series | null,
   *   position: number, pinned: number, words: string}} shown `other` is a second run's series or null,
   *   `pinned` a position or -1, `words` what a screen reader says of the position.
   */
  update({ series, other, position, pinned, words }) {
    const count = series?.count ?? 0;
    this.input.max = String(Math.max(count - 1, 0));
    this.input.value = String(Math.max(position, 0));
    this.input.disabled = count < 2;
    this.input.setAttribute("aria-valuetext", words);
    this.#draw(series, other, position, pinned);
  }

  #draw(series, other, position, pinned) {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width) return;
    const context = fitCanvas(this.canvas, width, height);
    context.clearRect(0, 0, width, height);
    if (!series?.count) return;
    const track = height - 12;
    const span = width - 2 * INSET;
    const at = (place) => INSET + (series.count > 1 ? place / (series.count - 1) : 0.5) * span;
    const high = track - 6;
    const y = (rotation) => high - rotationShare(rotation) * (high - 3);
    const key = [
      width,
      height,
      window.devicePixelRatio,
      theme.name,
      series.version,
      series.layer.rotation,
      other?.layer.rotation,
    ];
    if (key.some((value, i) => value !== this.#stillKey[i])) {
      this.#stillKey = key;
      const place = ([step, value]) => [at(placeOfStep(series, step)), y(value)];
      const still = fitCanvas(this.#still, width, height);
      still.clearRect(0, 0, width, height);
      this.#points = series.layer.rotation.map(place);
      if (other) stroke(still, other.layer.rotation.map(place), theme.faint, 1.5);
      fillBelow(still, this.#points, high, theme.faint, 0.35);
      stroke(still, this.#points, theme.grey, 1.25);
      still.fillStyle = theme.faint;
      still.fillRect(INSET, track - 2, span, 3);
      drawLoaded(still, series, at, track);
    }
    context.drawImage(this.#still, 0, 0, width, height);
    const here = at(position);
    context.fillStyle = theme.accent;
    context.fillRect(INSET, track - 2, here - INSET, 3);
    drawPoint(context, series, this.#points, here);
    if (pinned >= 0) drawPin(context, at(pinned), track);
  }
}

/** Where a step lies between the snapshots, as a position with a fraction. */
function placeOfStep(series, step) {
  const i = series.positionOfStep(step);
  const [one, other] = [series.snapshots[i], series.snapshots[i + 1]];
  if (!other || step <= one.step) return i;
  return i + (step - one.step) / (other.step - one.step);
}

function stroke(context, points, colour, width) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.stroke();
}

function fillBelow(context, points, bottom, colour, alpha) {
  if (points.length < 2) return;
  context.beginPath();
  context.moveTo(points[0][0], bottom);
  for (const [x, y] of points) context.lineTo(x, y);
  context.lineTo(points.at(-1)[0], bottom);
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
}

/** The part of the track whose snapshots are there. */
function drawLoaded(context, series, at, track) {
  if (series.loaded === series.count) return;
  const half = Math.max((at(1) - at(0)) / 2, 0.5);
  context.fillStyle = theme.grey;
  context.globalAlpha = 0.6;
  for (let i = 0; i < series.count; i++) {
    if (series.isLoaded(i)) context.fillRect(at(i) - half, track - 2, 2 * half, 3);
  }
  context.globalAlpha = 1;
}

/** The shown epoch on the curve, in the colour of its rotation. */
function drawPoint(context, series, points, here) {
  let nearest = -1;
  points.forEach(([x], i) => {
    if (nearest < 0 || Math.abs(x - here) < Math.abs(points[nearest][0] - here)) nearest = i;
  });
  // A layer that has diverged has no rotation any more.
  if (
    nearest < 0 ||
    Math.abs(points[nearest][0] - here) > Math.max(8, points.length > 1 ? points[1][0] - points[0][0] : 0)
  )
    return;
  context.beginPath();
  context.arc(here, points[nearest][1], 3.5, 0, 2 * Math.PI);
  context.fillStyle = rotationColour(series.layer.rotation[nearest][1], theme.undefinedLine);
  context.fill();
}

function drawPin(context, x, track) {
  context.fillStyle = theme.ink;
  context.beginPath();
  context.moveTo(x, track - 3);
  context.lineTo(x - 4, track - 11);
  context.lineTo(x + 4, track - 11);
  context.fill();
}
