/** The grid: one canvas with a tile per filter. What does not change while the user scrubs lies on a second canvas
 * that is copied; only tiles in sight are drawn. */

import { fitCanvas } from "../draw/canvas.js";
import { theme } from "../draw/palette.js";
import { layTiles, tileAt } from "./layout.js";
import { drawStill, drawTiles } from "./tiles.js";

export class Grid {
  #still = document.createElement("canvas");
  #stillKey = [];
  #layoutKey = "";
  layout = null;

  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} scroller The element that it scrolls in. */
  constructor(canvas, scroller) {
    this.canvas = canvas;
    this.scroller = scroller;
  }

  /** Lay the tiles out if anything that matters has changed. */
  lay(series, order) {
    const { clientWidth: width, clientHeight: height } = this.scroller;
    const ratio = window.devicePixelRatio || 1;
    const key = [series.filters, width, height, ratio].join(" ");
    if (key !== this.#layoutKey) {
      this.#layoutKey = key;
      this.layout = layTiles(series.filters, width, height, ratio);
      this.layout.width = width;
      this.layout.drawn = Math.max(this.layout.height, height);
      this.order = null;
    }
    if (order !== this.order) {
      this.order = order;
      const place = (tile) => [tile.x, tile.y, tile.w, tile.h].map((value) => Math.round(value * 100) / 100);
      const listed = order.map((row, i) => [series.numberOf(row), ...place(this.layout.tiles[i])]);
      this.canvas.dataset.tiles = JSON.stringify(listed);
    }
  }

  /**
   * Draw one frame.
   *
   * @param {import("./view.js").Scene} scene
   */
  draw(scene) {
    const { layout } = this;
    const context = fitCanvas(this.canvas, layout.width, layout.drawn);
    const top = this.scroller.scrollTop;
    const seen = { top, bottom: top + this.scroller.clientHeight };
    const visible = [];
    layout.tiles.forEach((tile, i) => {
      if (tile.y + tile.h >= seen.top && tile.y <= seen.bottom) visible.push(i);
    });
    const key = [
      layout,
      theme.name,
      scene.order,
      scene.frame.kind,
      scene.frame.ghost,
      scene.frame.limit,
      scene.found,
      top,
    ].concat(scene.frame.limits ? [scene.scale] : [], scene.evolution ?? [], scene.frame.marks.join());
    if (key.length !== this.#stillKey.length || key.some((value, i) => value !== this.#stillKey[i])) {
      this.#stillKey = key;
      const still = fitCanvas(this.#still, layout.width, this.scroller.clientHeight, { alpha: false });
      still.translate(0, -top);
      drawStill(still, layout, visible, scene, seen);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    context.drawImage(this.#still, 0, Math.round(top * ratio));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawTiles(context, layout, visible, scene, seen);
  }

  /** Forget what was drawn: colours or sizes have changed. */
  invalidate() {
    this.#stillKey = [];
  }

  /** Row of the filter under a pointer; -1 if there is none. */
  rowAt(event) {
    if (!this.layout || !this.order) return -1;
    const box = this.canvas.getBoundingClientRect();
    const tile = tileAt(this.layout, event.clientX - box.left, event.clientY - box.top);
    return tile < 0 ? -1 : this.order[tile];
  }

  /** Scroll the tile of a filter into sight. */
  reveal(row) {
    const tile = this.layout?.tiles[this.order?.indexOf(row)];
    if (!tile) return;
    const { scrollTop, clientHeight } = this.scroller;
    if (tile.y < scrollTop || tile.y + tile.h > scrollTop + clientHeight) {
      this.scroller.scrollTop = tile.y - (clientHeight - tile.h) / 2;
    }
  }
}
