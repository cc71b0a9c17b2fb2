/** What a screen reader is told: the shown moment once the user has settled on it, and what was done. */

import { Key } from "../draw/kept.js";
import { formatRotation } from "../numbers/format.js";
import { quantile } from "../numbers/measures.js";
import { el } from "./dom.js";
import { rotationWords } from "./scales.js";
import { plural } from "./words.js";

/** Milliseconds of quiet after which a position is read out. */
const SETTLED = 300;

export class Voice {
  #timer = 0;
  #told = new Key();

  /** @param {HTMLCanvasElement} canvas Of the grid, which is labelled with what it shows. */
  constructor(canvas) {
    this.canvas = canvas;
    this.element = el("div", { class: "unseen", role: "status", "aria-live": "polite" });
  }

  say(words) {
    this.element.textContent = words;
  }

  /** Call the canvas by what it shows, and tell of it, unless another scene follows at once. */
  describe({ series, position, frame, mode, compared }) {
    if (!this.#told.turned(series, position, mode, frame.rotation)) return;
    const words = `${series.layer.layer}, ${series.moment(position)}`;
    const median = `; median ${rotationWords(compared)} ${formatRotation(quantile(frame.rotation, 0.5))}`;
    this.canvas.setAttribute(
      "aria-label",
      `${words}: ${plural(series.filters, "filter")}, ${mode}${frame.plain ? "" : median}`,
    );
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.say(words), SETTLED);
  }
}
