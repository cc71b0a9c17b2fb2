/** Above the tiles of responses: which frequencies all filters of the layer pass together, now and before. */

import { powersOf } from "../data/snapshot.js";
import { foldMarks } from "../draw/axes.js";
import { pixelOf } from "../draw/colours.js";
import { paintCurve } from "../draw/linework.js";
import { theme } from "../draw/palette.js";
import { formatFrequency, formatPrecise, formatTick } from "../numbers/format.js";
import { cumulative, frequencyAxis } from "../numbers/spectrum.js";
import { el } from "./dom.js";
import { Plot } from "./plot.js";
import { joined } from "./words.js";

export class Passes {
  /** By weights, for as long as these are kept. */
  #levels = new WeakMap();

  constructor() {
    this.plot = new Plot("What the layer passes", 104);
    this.element = el("div", { class: "passes", "data-testid": "passes", hidden: true }, this.plot.element);
  }

  #level(series, weights) {
    if (!weights) return null;
    if (!this.#levels.has(weights))
      this.#levels.set(weights, cumulative(powersOf(weights, series.header), series.header.complex));
    return this.#levels.get(weights);
  }

  /** @param {import("../views/view.js").Scene | null} scene */
  update(scene) {
    this.element.hidden = scene?.mode !== "response";
    if (this.element.hidden) return;
    const { series, position, compared } = scene;
    const now = this.#level(series, series.weights(position));
    const then = this.#level(series, compared.weights);
    const newest = series.nearest(series.count - 1);
    const steady = [
      now,
      then,
      this.#level(series, series.referenceWeights),
      this.#level(series, series.weights(newest)),
    ];
    const limit = Math.max(2, roundUp(Math.max(...steady.map((each) => (each ? largest(each) : 0)))));
    const axis = frequencyAxis(series.header);
    const place = (frequency) => Math.round(((frequency - axis.low) / (axis.high - axis.low)) * (now.length - 1));
    const pale = then && compared.words ? `pale: ${compared.words}` : "";
    this.plot.width = this.element.clientWidth - 16;
    this.plot.show({
      title: "What the layer passes: mean response, each filter re its root mean square",
      x: { low: axis.low, high: axis.high, label: axis.unit, format: formatTick },
      y: { low: 0, high: limit, ticks: [0, limit / 2, limit] },
      marks: foldMarks(axis),
      rest: pale,
      label: joined("mean gain of all filters over frequency", pale),
      read: (frequency) => {
        const i = Math.min(Math.max(place(frequency), 0), now.length - 1);
        const before = then ? `${compared.words} ${formatPrecise(then[i])}` : "";
        return joined(`${formatFrequency(frequency, axis.unit)}: ${formatPrecise(now[i])}`, before);
      },
      paint: (context, box, _, toY) => {
        const slot = box.w / (now.length - 1);
        const span = { left: box.x - slot / 2, right: box.x + box.w, slot, zero: toY(0), scale: box.h / limit };
        for (const [values, tone, width] of [
          [then, theme.ghost, 1.75],
          [now, theme.plain, 2],
        ]) {
          if (!values) continue;
          this.plot.sheet.paint(context, box, { top: 0, bottom: this.plot.height }, (pixels, stride, ratio) => {
            const here = this.plot.sheet.scaled({ ...span, top: box.y, bottom: box.y + box.h }, { top: 0 });
            paintCurve(pixels, stride, here, values, 0, values.length, pixelOf(tone), width * ratio);
          });
        }
      },
    });
  }
}

function largest(values) {
  return values.reduce((most, value) => (value > most ? value : most), 0);
}

/** The next round number, whose half is round too. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((round) => round >= value * (1 - 1e-6)) ?? 0;
}
