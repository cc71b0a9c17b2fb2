/** A box that leaves of a long list only what has some words in its name. */

import { el, setText } from "./dom.js";

/** Lists of more than so many have one. */
const FEW = 7;

export class Sieve {
  /**
   * @param {string} noun What the list has, such as `layer`: its buttons have their names in `data-layer`.
   * @param {HTMLElement} list
   * @param {(sieved: boolean) => void} [onChange] Called when the list has been sieved, or shows all again.
   */
  constructor(noun, list, onChange = () => {}) {
    this.noun = noun;
    this.list = list;
    this.onChange = onChange;
    this.input = el("input", {
      class: "control sieve",
      type: "search",
      "data-testid": `${noun}-search`,
      placeholder: `Find a ${noun}`,
      "aria-label": `Find a ${noun} by name`,
      spellcheck: "false",
      autocomplete: "off",
      on: { input: () => this.apply(), keydown: (event) => this.#key(event) },
    });
    this.status = el("span", { class: "sieve-status fine", role: "status" });
    this.element = el("div", { class: "sieve-row", hidden: true }, this.input, this.status);
  }

  /** What the list has, from the top. */
  get buttons() {
    return [...this.list.querySelectorAll("button")];
  }

  /** Those that are looked for. */
  get shown() {
    return this.buttons.filter(({ hidden }) => !hidden);
  }

  #key(event) {
    if (event.key === "Enter") this.shown[0]?.click();
    if (event.key !== "Escape" || !this.input.value) return;
    this.input.value = "";
    event.preventDefault();
    this.apply();
  }

  /** Show those that are looked for. */
  apply() {
    const { buttons } = this;
    this.element.hidden = buttons.length <= FEW;
    const words = this.element.hidden ? [] : this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const button of buttons) {
      const name = button.dataset[this.noun].toLowerCase();
      button.hidden = !words.every((word) => name.includes(word));
    }
    setText(this.status, words.length ? `${this.shown.length} of ${buttons.length}` : "");
    this.onChange(words.length > 0);
  }
}
