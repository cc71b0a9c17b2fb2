/** The bottom bar's slider, a stop per snapshot, over what happened there: a scalar, the layer's changes, the moments
 * that stand out, and the user's bookmarks. */

import { momentWords, trackOf, valuesAt } from "../data/story.js";
import { fitCanvas } from "../draw/canvas.js";
import { Key, Still } from "../draw/kept.js";
import { INSET, paintPlaces, paintTracks } from "../draw/tracks.js";
import { formatValue } from "../numbers/format.js";
import { el, setText } from "./dom.js";
import { ScalarChoice } from "./scalar_choice.js";
import { Signs } from "./scrubber_signs.js";
import { joined, shortened } from "./words.js";

const CHANGE = "How much each snapshot changed this layer since the one before it";

export class Scrubber {
  #still = new Still();
  #track = null;
  #trackKey = new Key();
  #shown = null;
  #pointer = null;

  /** @param {import("./dom.js").Actions} actions `seek(position)`, `scalar(name)`, `mark(mark)` that goes to one. */
  constructor(actions) {
    this.actions = actions;
    this.canvas = el("canvas", { class: "scrubber-curve", role: "img", "data-testid": "tracks" });
    this.input = el("input", {
      type: "range",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      class: "scrubber-input",
      "data-testid": "scrubber",
      "aria-label": "Snapshot",
      "aria-describedby": "filterscope-values",
      on: { input: () => actions.seek(Number(this.input.value)) },
    });
    this.signs = new Signs(actions);
    this.tip = el("div", { class: "scrubber-tip", "aria-hidden": "true", "data-testid": "scrubber-tip", hidden: true });
    this.field = el("div", { class: "scrubber-field" }, this.canvas, this.input, this.signs.element, this.tip);
    this.choice = new ScalarChoice("scrubber-scalar", actions.scalar);
    this.range = el("span", { class: "scrubber-range" });
    this.unit = el("span", { class: "scrubber-unit" });
    const change = el("span", { class: "scrubber-change", title: CHANGE, text: "change" }, this.range);
    const names = el("div", { class: "scrubber-names fine" }, this.choice.element, change, this.unit);
    this.element = el("div", { class: "scrubber" }, names, this.field);
    this.field.addEventListener("pointermove", (event) => this.#point(event.clientX));
    this.field.addEventListener("pointerleave", () => this.#point(null));
  }

  /**
   * @param {{series: import("../data/series.js").Series, other: import("../data/series.js").Series | null,
   *   position: number, pinned: number, at: number, words: string}} shown `other` is a second run's series or null,
   *   `pinned` a position or -1, `at` the one whose snapshot stands for it, `words` what a screen reader says of that.
   * @param {import("./transport.js").Story} story The overviews of both runs as far as they
   *   have come, and the bookmarks of the layer.
   * @returns {string} What there is at the snapshot that is shown, in words.
   */
  update({ series, other, position, pinned, at, words }, story) {
    const count = series?.count ?? 0;
    this.input.max = String(Math.max(count - 1, 0));
    this.input.value = String(Math.max(position, 0));
    this.input.disabled = count < 2;
    this.input.setAttribute("aria-valuetext", words);
    this.element.classList.toggle("alone", count < 2);
    if (story.own) this.choice.update(story.own);
    if (count < 2) {
      this.#shown = null;
      this.signs.hide();
      this.tip.hidden = true;
      return "";
    }
    if (this.#trackKey.turned(series, series.version, story.own, other && story.other)) {
      this.#track = trackOf(series, story.own, other && story.other);
      this.#describe();
    }
    this.#shown = { series, other, position, pinned };
    this.#draw();
    this.signs.update(series, this.#track, position, story.marks, this.field.clientWidth);
    return this.#words(this.#track.own, at);
  }

  /** What stands beside the tracks, and what a screen reader says of them. */
  #describe() {
    const { limits, wide, unit, scalar, own } = this.#track;
    const high = limits?.[1];
    setText(this.range, limits ? (wide ? `to ${formatValue(high)} each, log` : `to ${formatValue(high)} each`) : "");
    setText(this.unit, `${unit}s`);
    const ends = own.curve.filter(([, value]) => value !== null);
    const curve = ends.length ? `${scalar} from ${formatValue(ends[0][1])} to ${formatValue(ends.at(-1)[1])}` : "";
    const changes = limits ? `change up to ${formatValue(high)}` : "no change logged";
    this.canvas.setAttribute("aria-label", `Over ${unit}s: ${joined(changes, curve)}`);
  }

  #words(line, position) {
    const [change, value] = valuesAt(line, position);
    return joined(
      change === null ? "change is no number" : change === undefined ? "" : `change ${formatValue(change)}`,
      value === undefined || value === null ? "" : `${shortened(this.#track.scalar, 24)} ${formatValue(value)}`,
    );
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.field;
    if (!width) return;
    const { series, position, pinned } = this.#shown;
    const context = fitCanvas(this.canvas, width, height);
    context.clearRect(0, 0, width, height);
    const still = this.#still.of(width, height, [this.#track], (target) =>
      paintTracks(target, width, this.#track, (place) => series.isLoaded(place)),
    );
    context.drawImage(still, 0, 0, width, height);
    const values = valuesAt(this.#track.own, position);
    paintPlaces(context, width, this.#track, { position, pinned, hovered: this.#hovered(width) }, values);
    this.#tell(width);
  }

  #hovered(width) {
    if (this.#pointer === null) return -1;
    const share = (this.#pointer - this.field.getBoundingClientRect().left - INSET) / (width - 2 * INSET);
    const last = this.#shown.series.count - 1;
    return Math.round(Math.min(Math.max(share, 0), 1) * last);
  }

  #point(x) {
    this.#pointer = x;
    if (this.#shown) this.#draw();
  }

  /** The values under the pointer, above it. */
  #tell(width) {
    const at = this.#hovered(width);
    this.tip.hidden = at < 0;
    if (at < 0) return;
    const { series, other: rival } = this.#shown;
    const { own, other } = this.#track;
    const beside = other && this.#words(other, at);
    setText(
      this.tip,
      joined(
        momentWords(series, this.#track, at),
        this.#words(own, at),
        beside && `${shortened(rival.run, 24)}: ${beside}`,
      ),
    );
    const left = this.#pointer - this.field.getBoundingClientRect().left - this.tip.offsetWidth / 2;
    // It may reach over the names at the left, not out of the window.
    const least = 6 - this.field.getBoundingClientRect().left;
    this.tip.style.transform = `translateX(${Math.max(Math.min(left, width - this.tip.offsetWidth), least)}px)`;
  }
}
