/** Which scalar of the run stands beside the changes: the same choice wherever there is room for one. */

import { Key } from "../draw/kept.js";
import { el } from "./dom.js";
import { shortened } from "./words.js";

export class ScalarChoice {
  #offered = new Key();

  /** @param {string} testid @param {(name: string) => void} onChoose Empty: none. */
  constructor(testid, onChoose) {
    this.element = el("select", {
      class: "control",
      "data-testid": testid,
      "aria-label": "Scalar of the run",
      title: "A scalar of this run, on the same axis of time",
      on: { change: () => onChoose(this.element.value) },
    });
  }

  /** @param {{scalars: string[], scalar: string | null}} answer Of `data/overview.js`. */
  update({ scalars, scalar }) {
    if (this.#offered.turned(...scalars)) {
      const none = el("option", { value: "", text: scalars.length ? "no scalar" : "no scalars logged" });
      const options = scalars.map((name) => el("option", { value: name, text: shortened(name, 60) }));
      this.element.replaceChildren(none, ...options);
    }
    this.element.disabled = !scalars.length;
    this.element.value = scalar ?? "";
  }
}
