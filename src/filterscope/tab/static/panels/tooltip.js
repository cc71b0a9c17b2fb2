/** What a tile says when the pointer is over it: of its filter, and of what lies under the pointer. */

import { peakOf } from "../data/snapshot.js";
import { formatFrequency, formatRotation, formatValue } from "../numbers/format.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { change } from "../numbers/measures.js";
import { frequencyAxis } from "../numbers/spectrum.js";
import { el } from "./dom.js";
import { rotationWords } from "./scales.js";
import { wordsUnder } from "./under.js";
import { joined } from "./words.js";

/** CSS pixels that it keeps from the edges. */
const GAP = 6;

export class Tooltip {
  /** The tile that was clicked, and where the pointer was: its content is looked at until the pointer goes elsewhere. */
  #quiet = null;

  constructor() {
    this.element = el("div", { class: "tooltip", "data-testid": "tooltip", "aria-hidden": "true", hidden: true });
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * Say nothing over a tile until the pointer has moved to another one, or away.
   *
   * @param {number} row Of the tile; -1 when the pointer has left.
   * @param {PointerEvent | MouseEvent} pointer
   */
  hush(row, { clientX, clientY }) {
    this.#quiet = { row, clientX, clientY };
  }

  #isQuiet(row, { clientX, clientY }) {
    const { row: clicked, clientX: x, clientY: y } = this.#quiet ?? {};
    // Tiles may move under a pointer that rests.
    if (row !== clicked && (clientX !== x || clientY !== y)) this.#quiet = null;
    return this.#quiet !== null;
  }

  /**
   * @param {import("../views/view.js").Scene} scene
   * @param {ReturnType<import("../views/grid.js").Grid["under"]>} under Null hides it.
   * @param {PointerEvent | null} pointer
   * @param {{left: number, right: number, top: number, bottom: number}} room The part of the window that it may take.
   */
  show(scene, under, pointer, room) {
    this.element.hidden = !under || this.#isQuiet(under.row, pointer);
    if (this.element.hidden) return;
    const { series, frame } = scene;
    this.element.replaceChildren(
      el("div", {}, el("strong", { text: `filter ${series.numberOf(under.row)}` }), ` ${frame.marks[under.row]}`),
      el("div", { class: "tooltip-value", text: wordsUnder(scene, under) }),
      el("div", { class: "tooltip-more", text: measureWords(scene, under.row) }),
    );
    this.#place(pointer, room);
  }

  #place({ clientX, clientY }, room) {
    this.element.style.maxWidth = `${Math.max(room.right - room.left - 2 * GAP, 0)}px`;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.max(Math.min(clientX + 14, room.right - width - GAP), room.left + GAP);
    const below = clientY + 18;
    const top = below + height + GAP > room.bottom ? clientY - height - 12 : below;
    // Room too low for it: what it would cover is worth more.
    this.element.hidden = top < room.top;
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
}

function measureWords({ series, position, frame, compared }, row) {
  const axis = frequencyAxis(series.header);
  const peak = withoutFrequencies(series.header) ? NaN : peakOf(series, position, row);
  return joined(
    frame.plain ? "" : rotationWords(compared).replace("rotation", `rotation ${formatRotation(frame.rotation[row])}`),
    series.isLoaded(position - 1) ? `change ${formatValue(changeOf(series, position, row))}` : "",
    `norm ${formatValue(frame.norm[row])}`,
    Number.isFinite(peak) ? `peak ${formatFrequency(peak, axis.unit)}` : "",
  );
}

/** How far a filter moved since the snapshot before. */
function changeOf(series, position, row) {
  return change(series.filterWeights(position, row), series.filterWeights(position - 1, row));
}
