/** What a tile says of its filter when the pointer is over it. */

import { formatValue } from "../numbers/format.js";
import { el } from "./dom.js";
import { joined } from "./words.js";

export class Tooltip {
  constructor() {
    this.element = el("div", { class: "tooltip", "aria-hidden": "true", hidden: true });
  }

  /** @param {import("../views/view.js").Scene} scene @param {number} row -1 hides it. @param {PointerEvent | null} pointer */
  show({ series, frame }, row, pointer) {
    this.element.hidden = row < 0;
    if (row < 0) return;
    const { clientX, clientY } = pointer;
    const mark = frame.marks[row];
    const measures = joined(
      `rotation ${formatValue(frame.rotation[row])}`,
      `norm ${formatValue(frame.norm[row])}`,
      mark,
    );
    this.element.replaceChildren(el("strong", { text: `filter ${series.numberOf(row)}` }), ` ${measures}`);
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.min(clientX + 14, document.documentElement.clientWidth - width - 6);
    const top = clientY + height + 26 > document.documentElement.clientHeight ? clientY - height - 12 : clientY + 18;
    this.element.style.transform = `translate(${Math.max(left, 6)}px, ${top}px)`;
  }
}
