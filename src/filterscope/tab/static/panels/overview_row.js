/** A layer's row in the overview: what it is, and a strip of its changes that the keyboard moves along. */

import { formatRotation } from "../numbers/format.js";
import { el, setText } from "./dom.js";
import { deadNow } from "./overview_words.js";
import { turnedNow } from "./turned.js";
import { joined, shortened } from "./words.js";

export class OverviewRow {
  /** @param {string} tag @param {import("./dom.js").Actions} actions `point(event, share)`, `leave`, `focus`, `pick(share | null)`, `key(event)`. */
  constructor(tag, actions) {
    this.name = el("span", { class: "overview-name cut", role: "rowheader" });
    this.shape = el("span", { class: "overview-shape fine cut", role: "cell" });
    this.spark = el("canvas", { "aria-hidden": "true" });
    this.rotation = el("span", { class: "overview-rotation fine cut" });
    this.dead = el("span", { class: "overview-dead", role: "cell" });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.strip = el("div", { class: "overview-strip", role: "slider", tabindex: -1 }, this.canvas);
    const spark = el("span", { class: "overview-spark", role: "cell" }, this.spark, this.rotation);
    const map = el("span", { class: "overview-map", role: "cell" }, this.strip);
    this.element = el(
      "div",
      { class: "overview-row", role: "row", "data-testid": "overview-row", "data-tag": tag },
      this.name,
      this.shape,
      spark,
      this.dead,
      map,
    );
    const share = (event) => {
      const { left, width } = this.strip.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - left) / width, 0), 1);
    };
    this.strip.addEventListener("pointermove", (event) => actions.point(event, share(event)));
    this.strip.addEventListener("pointerleave", actions.leave);
    this.strip.addEventListener("focus", actions.focus);
    this.strip.addEventListener("blur", actions.leave);
    this.strip.addEventListener("keydown", actions.key);
    this.strip.addEventListener("pointerdown", (event) => event.preventDefault());
    this.element.addEventListener("click", (event) =>
      actions.pick(this.strip.contains(/** @type {Node} */ (event.target)) ? share(event) : null),
    );
  }

  focus() {
    this.strip.focus();
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** Whether the Tab key comes here: to one row of all. */
  reachable(yes) {
    this.strip.tabIndex = yes ? 0 : -1;
  }

  /** @param {string} name Whole. @param {string} brief Without the modules that all are in. @param {import("../data/api.js").Layer} layer */
  describe(name, brief, layer) {
    const { shape, total_filters: total, problem } = layer;
    setText(this.name, shortened(brief, 28) || "(no name)");
    this.element.title = problem ? `${name}: ${problem}` : name;
    setText(this.shape, problem ? "damaged" : `${total} × ${shape[1]} × ${shape[2]}`);
    this.shape.title = problem ? "" : "filters × channels × taps";
    this.shape.classList.toggle("warn", Boolean(problem));
    const rotation = turnedNow(layer);
    setText(this.rotation, rotation === undefined ? "" : formatRotation(rotation));
    const count = deadNow(layer);
    setText(this.dead, count ? `${count} dead` : "");
    this.strip.setAttribute("aria-label", joined(`change of ${name}`, this.shape.textContent, this.dead.textContent));
  }

  /** Where the keyboard is, -1 without any changes. */
  tell(cell, change, say) {
    const values = { min: 0, max: Math.max((change?.times.length ?? 0) - 1, 0), now: Math.max(cell, 0) };
    for (const [key, value] of Object.entries(values)) this.strip.setAttribute(`aria-value${key}`, String(value));
    this.strip.setAttribute("aria-valuetext", say(cell));
  }
}
