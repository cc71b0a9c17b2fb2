/** What is kept for as long as it shows the same. */

import { fitCanvas } from "./canvas.js";
import { theme } from "./palette.js";

/** What something that is kept was made of. */
export class Key {
  #values = null;

  /** Whether these values are others than last time. */
  turned(...values) {
    const before = this.#values;
    this.#values = values;
    return before?.length !== values.length || values.some((value, i) => value !== before[i]);
  }
}

/** A picture that is laid on a canvas again and again. */
export class Still {
  #key = new Key();
  #canvas = document.createElement("canvas");

  /**
   * The picture, painted anew if its size, the colours, or anything else that it shows has changed.
   *
   * @param {number} width CSS pixels.
   * @param {number} height
   * @param {unknown[]} shown
   * @param {(context: CanvasRenderingContext2D) => void} paint
   * @param {CanvasRenderingContext2DSettings} [options]
   */
  of(width, height, shown, paint, options) {
    if (this.#key.turned(width, height, window.devicePixelRatio, theme.name, ...shown)) {
      const context = fitCanvas(this.#canvas, width, height, options);
      context.clearRect(0, 0, width, height);
      paint(context);
    }
    return this.#canvas;
  }
}
