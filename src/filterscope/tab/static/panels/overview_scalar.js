/** A scalar of the run above the map of its layers, on the same axis, and what the columns of rows are. */

import { drawAxes, niceTicks, scalesOf } from "../draw/axes.js";
import { fitCanvas } from "../draw/canvas.js";
import { theme } from "../draw/palette.js";
import { paintLine } from "../draw/tracks.js";
import { formatCount, formatValue } from "../numbers/format.js";
import { isWide } from "../numbers/timeline.js";
import { el } from "./dom.js";
import { MEANINGS, term } from "./glossary.js";
import { ScalarChoice } from "./scalar_choice.js";

const HEIGHT = { plot: 104, bare: 84 };
/** Room for the words of the vertical axis. */
const SIDE = 44;
/** What the columns of rows hold. */
const NAMES = ["layer", "shape", "rotation", "dead"];

export class OverviewScalar {
  /** @param {(name: string) => void} onChoose Empty: none. */
  constructor(onChoose) {
    this.choice = new ScalarChoice("overview-scalar", onChoose);
    this.canvas = el("canvas", { role: "img", "data-testid": "overview-curve" });
    this.element = el(
      "div",
      { class: "overview-scalar" },
      el("label", { class: "overview-choice" }, el("span", { text: "Above the map" }), this.choice.element),
      this.canvas,
      el(
        "div",
        { class: "overview-row overview-names fine" },
        ...NAMES.map((text) => el("span", {}, text in MEANINGS ? term(text) : text)),
      ),
    );
  }

  /** @param {import("../data/overview.js").Overview["answer"]} answer @param {{left: number, width: number}} place Of the map, CSS pixels. */
  draw(answer, { left, width }) {
    this.choice.update(answer);
    const { scalar, unit, axis } = answer;
    const curve = answer.curve.filter(([, value]) => value !== null);
    const height = curve.length ? HEIGHT.plot : HEIGHT.bare;
    this.canvas.style.left = `${left - SIDE}px`;
    this.element.style.height = `${height}px`;
    const context = fitCanvas(this.canvas, width + SIDE + 10, height);
    context.clearRect(0, 0, width + SIDE + 10, height);
    const box = { x: SIDE, y: 6, w: width, h: height - 26 };
    const y = vertical(curve.map(([, value]) => value));
    const ticks = niceTicks(axis.low, axis.high, width / 70, true);
    // Beside the axis stand the names of columns: its first tick says what it counts.
    const format = (tick) => (tick === ticks[0] ? `${unit} ${formatCount(tick)}` : formatCount(tick));
    const x = { ...axis, ticks, format };
    const [toX, toY] = scalesOf({ x, y }, box);
    drawAxes(context, box, { x, y: curve.length ? y : { ...y, ticks: [] }, heat: !curve.length }, toX, toY);
    context.lineCap = "round";
    paintLine(context, answer.curve, toX, (value) => toY(y.log ? Math.log10(value) : value), theme.plain);
    const ends = curve.length ? `from ${formatValue(curve[0][1])} to ${formatValue(curve.at(-1)[1])}` : "no values";
    this.canvas.setAttribute("aria-label", scalar === null ? `${unit}s` : `${scalar} over ${unit}s, ${ends}`);
    this.canvas.dataset.theme = theme.name;
  }
}

function vertical(values) {
  const low = values.length ? Math.min(...values) : 0;
  const high = values.length ? Math.max(...values) : 1;
  if (isWide(low, high)) {
    const [bottom, top] = [Math.log10(low), Math.log10(high)];
    const ticks = [];
    for (let power = Math.ceil(bottom); power <= top; power++) ticks.push(power);
    return { low: bottom, high: top, log: true, ticks, format: (power) => formatValue(10 ** power) };
  }
  const pad = (high - low || Math.abs(high) || 1) * 0.04;
  return { low: low - pad, high: high + pad, ticks: niceTicks(low, high, 3) };
}
