/** A sheet of pixels that is painted by hand and laid on a canvas as one image. */

export class Sheet {
  #canvas = document.createElement("canvas");
  #image = null;
  #ratio = 1;

  /**
   * Paint what is in sight and lay it on a canvas.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {{width: number}} layout
   * @param {{top: number, bottom: number}} seen The part of the grid in sight, CSS pixels.
   * @param {(pixels: Uint32Array, stride: number, ratio: number) => void} fill
   */
  paint(context, layout, seen, fill) {
    const ratio = context.getTransform().a;
    const width = Math.round(layout.width * ratio);
    const height = Math.round((seen.bottom - seen.top) * ratio);
    if (width < 1 || height < 1) return;
    if (this.#image?.width !== width || this.#image?.height !== height) {
      Object.assign(this.#canvas, { width, height });
      this.#image = new ImageData(width, height);
    }
    this.#ratio = ratio;
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    fill(pixels, width, ratio);
    this.#canvas.getContext("2d").putImageData(this.#image, 0, 0);
    context.save();
    const { e, f } = context.getTransform();
    context.setTransform(1, 0, 0, 1, e, f);
    context.drawImage(this.#canvas, 0, Math.round(seen.top * ratio));
    context.restore();
  }

  /** A place in CSS pixels of the grid as one in device pixels of the sheet. */
  scaled({ left, slot, zero, scale, top, bottom, right }, seen) {
    const ratio = this.#ratio;
    const y = (value) => (value - seen.top) * ratio;
    return {
      left: left * ratio,
      right: right * ratio,
      slot: slot * ratio,
      zero: y(zero),
      scale: scale * ratio,
      top: y(top),
      bottom: y(bottom),
    };
  }
}
