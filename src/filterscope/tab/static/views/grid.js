/** The grid: one canvas with a tile per filter, as large as what is in sight of it. What does not change while the user
 * scrubs lies on a second canvas that is copied. */

import { fitCanvas } from "../draw/canvas.js";
import { Key, Still } from "../draw/kept.js";
import { isLegible } from "../draw/letters.js";
import { layTiles, tileAt } from "./layout.js";
import { drawStill, drawTiles } from "./tiles.js";

export class Grid {
  #still = new Still();
  #layoutKey = new Key();
  layout = null;

  /**
   * @param {HTMLCanvasElement} canvas It stays in sight.
   * @param {HTMLElement} room As high as all tiles; the canvas is in it.
   * @param {HTMLElement} scroller What they scroll in.
   */
  constructor(canvas, room, scroller) {
    this.canvas = canvas;
    this.room = room;
    this.scroller = scroller;
  }

  /** Where the part in sight begins, at whole device pixels. */
  get top() {
    const ratio = window.devicePixelRatio || 1;
    return Math.round(this.scroller.scrollTop * ratio) / ratio;
  }

  /** Lay the tiles out if anything that matters has changed. @param {string} size As in the state. */
  lay(series, order, size) {
    const { clientWidth: width, clientHeight: height } = this.scroller;
    const ratio = window.devicePixelRatio || 1;
    if (this.#layoutKey.turned(series.filters, width, height, ratio, size)) {
      const kept = this.layout?.tiles.length === series.filters ? this.#middle() : null;
      this.layout = layTiles(series.filters, width, height, ratio, size);
      this.room.style.height = `${Math.max(this.layout.height, height)}px`;
      if (kept) {
        const { y, h } = this.layout.tiles[kept.tile];
        this.scroller.scrollTop = y + h / 2 - kept.at;
      }
      this.order = null;
    }
    if (order !== this.order) {
      this.order = order;
      const place = (tile) => [tile.x, tile.y, tile.w, tile.h].map((value) => Math.round(value * 100) / 100);
      const listed = order.map((row, i) => [series.numberOf(row), ...place(this.layout.tiles[i])]);
      this.canvas.dataset.tiles = JSON.stringify(listed);
    }
  }

  /** Letters only where they can be read: else what there is in their stead. */
  suited(frame) {
    return frame.logo && isLegible(this.layout.inner[0], frame.columns) ? frame.logo : frame;
  }

  /** The tile in the middle of what is in sight, and how far down in the window it is. */
  #middle() {
    const { scrollTop, clientHeight } = this.scroller;
    const distance = ({ y, h }) => Math.abs(y + h / 2 - scrollTop - clientHeight / 2);
    const { tiles } = this.layout;
    const tile = tiles.reduce((best, each, i) => (distance(each) < distance(tiles[best]) ? i : best), 0);
    return { tile, at: tiles[tile].y + tiles[tile].h / 2 - scrollTop };
  }

  /**
   * Draw one frame.
   *
   * @param {import("./view.js").Scene} scene
   */
  draw(scene) {
    const { layout, top } = this;
    const height = this.scroller.clientHeight;
    const context = fitCanvas(this.canvas, layout.width, height);
    const seen = { top, bottom: top + height };
    const visible = [];
    layout.tiles.forEach((tile, i) => {
      if (tile.y + tile.h >= seen.top && tile.y <= seen.bottom) visible.push(i);
    });
    const { order, frame, found, selected, scale, evolution } = scene;
    // Of limits, new ones for each frame where nothing is pale, the zero line knows no more than that there are some.
    const shown = [layout, top, order, frame.kind, frame.ghost, frame.limit, frame.ghost && frame.limits];
    shown.push(frame.marks.join(), scale, found, found.size && selected, evolution);
    const paint = (still) => {
      still.translate(0, -top);
      drawStill(still, layout, visible, scene, seen);
    };
    const still = this.#still.of(layout.width, height, shown, paint, { alpha: false });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(still, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, -Math.round(top * ratio));
    drawTiles(context, layout, visible, scene, seen);
    this.canvas.dataset.top = String(top);
  }

  /** The tile under a pointer, and where in it: `{row, box, x, y}`, `box` the part that is drawn in; null outside. */
  under(event) {
    if (!this.layout || !this.order) return null;
    const around = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - around.left, event.clientY - around.top + this.top];
    const tile = tileAt(this.layout, x, y);
    return tile < 0 ? null : { row: this.order[tile], box: this.layout.inner[tile], x, y };
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
