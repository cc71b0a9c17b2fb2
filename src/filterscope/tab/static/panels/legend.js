/** What the colours of the tiles mean: a bar for each map in use. */

import { gradient } from "../draw/colours.js";
import { Key } from "../draw/kept.js";
import { theme } from "../draw/palette.js";
import { el } from "./dom.js";
import { term } from "./glossary.js";
import { colourScales } from "./scales.js";

export class Legend {
  #key = new Key();

  constructor() {
    this.element = el("div", { class: "legends" });
  }

  /** @param {import("../views/view.js").Scene | null} scene */
  update(scene) {
    const scales = scene ? colourScales(scene) : [];
    if (this.#key.turned(theme.name, JSON.stringify(scales))) this.element.replaceChildren(...scales.map(legend));
  }
}

/** @param {import("./scales.js").ColourScale} scale */
function legend({ words, map, ticks }) {
  const word = map === "rotation" ? map : words.replaceAll("|", "");
  return el(
    "div",
    { class: "legend fine" },
    el("span", { class: "legend-name" }, term(word, words)),
    el("div", { class: "legend-scale" }, ...scaleParts(map, ticks)),
  );
}

/** A bar of a map's colours, and the words below it: `[share of the bar, words]`. */
export function scaleParts(map, ticks) {
  return [
    el("div", { class: "legend-bar", style: `background: ${gradient(map)}` }),
    ...ticks.map(([share, text]) => el("span", { class: "legend-tick", style: `left: ${share * 100}%`, text })),
  ];
}
