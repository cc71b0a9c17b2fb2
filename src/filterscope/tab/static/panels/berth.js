/** Where the detail lies: over the tiles, which stay where they are, and never over the one that it is about. In a wide
 * window it is a column at one side; in a narrow one a sheet above or below, whose height can be dragged. */

import { el } from "./dom.js";

const WIDE = window.matchMedia("(min-width: 1200px)");
/** CSS pixels of the column; share of the room that a sheet takes. */
const COLUMN = 392;
const SHEET = 0.55;
/** A sheet that is dragged below that is put away, and no less is shown. */
const LEAST = 90;
/** Between the tile and the detail. */
const AIR = 4;
/** A press of an arrow key on the grip. */
const NUDGE = 40;

export class Berth {
  #key = [];
  #wanted = null;
  #size = 0;
  side = "";

  /**
   * @param {import("./detail.js").Detail} detail
   * @param {HTMLElement} scroller Of the grid, beside which the detail stands.
   * @param {{change: () => void, close: () => void}} actions
   */
  constructor(detail, scroller, actions) {
    this.element = detail.element;
    this.scroller = scroller;
    this.actions = actions;
    this.grip = el("div", {
      class: "grip",
      role: "separator",
      tabindex: 0,
      "aria-orientation": "horizontal",
      "aria-label": "Height of the filter's panel",
      title: "Drag to resize or put away (↑ ↓)",
    });
    this.element.append(this.grip);
    this.#listen();
  }

  /**
   * Lay the detail anew if the filter, its tile, or the room has changed: the user's own scrolling does not move it.
   *
   * @param {import("../views/grid.js").Grid} grid
   * @param {number} row The filter that it is about; -1 for none.
   */
  place(grid, row) {
    const { scroller, element } = this;
    const { clientWidth, clientHeight } = scroller;
    const wide = WIDE.matches;
    const key = [row, grid.layout, grid.order, clientWidth, clientHeight, wide, this.#wanted];
    if (key.every((value, i) => value === this.#key[i])) return;
    // It changes sides for another filter only where it has to.
    const kept = this.#key[0] >= 0 && key.slice(1).every((value, i) => value === this.#key[i + 1]);
    this.#key = key;
    const tile = grid.layout.tiles[grid.order.indexOf(row)];
    if (!tile) {
      scroller.style.paddingBottom = "";
      return;
    }
    const [before, after] = wide ? ["left", "right"] : ["top", "bottom"];
    const room = wide
      ? { left: tile.x - AIR, right: clientWidth - tile.x - tile.w - AIR }
      : { top: tile.y - scroller.scrollTop - AIR, bottom: clientHeight + scroller.scrollTop - tile.y - tile.h - AIR };
    const wanted = wide ? COLUMN : (this.#wanted ?? Math.round(SHEET * clientHeight));
    const fits = [kept ? this.side : after, after, before].find((side) => room[side] >= wanted);
    this.side = fits ?? (room[before] > room[after] ? before : after);
    this.#size = Math.max(Math.min(wanted, room[this.side]), LEAST);
    this.#lay(wide, scroller.offsetWidth - clientWidth);
    // What lies below the sheet can be scrolled to, unless a scroll bar would have to come for it.
    const below = this.side === "bottom" && grid.layout.height > clientHeight;
    scroller.style.paddingBottom = below ? `${this.#size}px` : "";
    element.dataset.side = this.side;
    this.grip.setAttribute("aria-valuenow", String(Math.round((100 * this.#size) / clientHeight)));
  }

  #lay(wide, bar) {
    const { style } = this.element;
    const inset = { top: "0", right: `${bar}px`, bottom: "0", left: "0" };
    inset[{ left: "right", right: "left", top: "bottom", bottom: "top" }[this.side]] = "auto";
    Object.assign(style, inset, { width: wide ? `${this.#size}px` : "", height: wide ? "" : `${this.#size}px` });
  }

  #listen() {
    const { grip } = this;
    let from = null;
    const sized = (by) => this.#size + (this.side === "top" ? by : -by);
    const resize = (by) => {
      this.#wanted = sized(by);
      this.actions.change();
    };
    grip.addEventListener("pointerdown", (event) => {
      grip.setPointerCapture(event.pointerId);
      from = event.clientY;
    });
    grip.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const moved = event.clientY - from;
      from = event.clientY;
      if (sized(moved) >= LEAST) {
        resize(moved);
        return;
      }
      this.#wanted = null;
      this.actions.close();
    });
    for (const end of ["pointerup", "pointercancel"]) grip.addEventListener(end, () => (from = null));
    grip.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      resize(event.key === "ArrowUp" ? -NUDGE : NUDGE);
    });
  }
}
