/** A box that leaves of a long list only what has some words in its name. */

import { el, setText } from "./dom.js";

/** Lists of more than so many have one. */
const FEW = 7;

export class Sieve {
  /**
   * @param {string} noun What the list has, such as `layer`.
   * @param {() => void} onChange Called when the words have changed.
   * @param {() => void} onEnter
   */
  constructor(noun, onChange, onEnter) {
    this.noun = noun;
    this.input = el("input", {
      class: "control sieve",
      type: "search",
      "data-testid": `${noun}-search`,
      placeholder: `Find a ${noun}`,
      "aria-label": `Find a ${noun} by name`,
      spellcheck: "false",
      autocomplete: "off",
      on: { input: onChange, keydown: (event) => this.#key(event, onChange, onEnter) },
    });
    this.status = el("span", { class: "sieve-status", role: "status" });
    this.element = el("div", { class: "sieve-row", hidden: true }, this.input, this.status);
  }

  #key(event, onChange, onEnter) {
    if (event.key === "Enter") onEnter();
    if (event.key !== "Escape" || !this.input.value) return;
    this.input.value = "";
    event.preventDefault();
    onChange();
  }

  /** Show of some buttons, of `name(button)` each, those that are looked for. @returns {boolean} Whether it sieves. */
  apply(buttons, name) {
    this.element.hidden = buttons.length <= FEW;
    const words = this.element.hidden ? [] : this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const button of buttons) {
      const text = name(button).toLowerCase();
      button.hidden = !words.every((word) => text.includes(word));
      if (!button.hidden) left += 1;
    }
    setText(this.status, words.length ? `${left} of ${buttons.length}` : "");
    return words.length > 0;
  }
}
