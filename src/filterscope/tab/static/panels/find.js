/** The search for filters: a box for numbers and words, chips that write words into it, and how many were found. */

import { TRAITS } from "../data/traits.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { frequencyAxis } from "../numbers/spectrum.js";
import { button, el, setText } from "./dom.js";

const HELP =
  "Numbers and ranges (12 40-44), dead, nan, or a range of peak frequencies (peak 0.1-0.2). " +
  "Enter goes to the next one found, Shift+Enter back (/)";

export class Find {
  /** @param {import("./dom.js").Actions} actions `search(text)`, `next(by)`, `toggle(word)`, `peak()`. */
  constructor(actions) {
    const chip = (word, text, title, press) =>
      button({ class: "chip", "data-testid": `chip-${word}`, "data-word": word, title, text }, press);
    this.input = el("input", {
      class: "control search",
      type: "search",
      "data-testid": "search",
      placeholder: "Find: 12 40-44 dead",
      "aria-label": "Find filters by number, state or peak frequency",
      title: HELP,
      spellcheck: "false",
      autocomplete: "off",
      on: {
        input: () => actions.search(this.input.value),
        keydown: (event) => event.key === "Enter" && actions.next(event.shiftKey ? -1 : 1),
      },
    });
    this.count = el("span", { class: "find-count", role: "status", "data-testid": "found" });
    this.peak = chip("peak", "peak range", "", () => {
      actions.peak();
      this.#selectRange();
    });
    this.peak.hidden = true;
    const traits = Object.entries(TRAITS).map(([word, { chip: text, about }]) =>
      chip(word, text, about, () => actions.toggle(word)),
    );
    this.chips = [...traits, this.peak];
    this.element = el(
      "div",
      { class: "find", role: "search" },
      this.input,
      el("div", { class: "chips", role: "group", "aria-label": "Find filters that" }, ...this.chips),
      this.count,
    );
  }

  /**
   * @param {string} text @param {{words: Set<string>, peaks: unknown[]}} read The same, understood.
   * @param {import("../views/view.js").Scene | null} scene As for the grid, with `found`.
   */
  update(text, { words, peaks }, scene) {
    if (this.input.value !== text) this.input.value = text;
    for (const chip of this.chips) {
      const pressed = chip === this.peak ? peaks.length > 0 : words.has(chip.dataset.word);
      chip.setAttribute("aria-pressed", String(pressed));
    }
    this.peak.disabled = !scene;
    // While a layer is on its way, what was there before stays.
    if (scene) {
      const { header } = scene.series;
      this.peak.hidden = Boolean(withoutFrequencies(header));
      const { unit } = frequencyAxis(header);
      this.peak.title = `Filters whose peak frequency at the newest snapshot is in a range, in ${unit}: write which`;
    }
    setText(this.count, scene && text.trim() ? `${scene.found.size} of ${scene.series.filters}` : "");
  }

  /** The range that was written is there to be written over. */
  #selectRange() {
    const { input } = this;
    const start = input.value.toLowerCase().lastIndexOf("peak ");
    if (start < 0) return;
    input.focus();
    input.setSelectionRange(start + "peak ".length, input.value.length);
  }
}
