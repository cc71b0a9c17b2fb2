/** What the colours of the tiles mean: a bar for each map in use. */

import { gradient, rotationShare } from "../draw/colours.js";
import { ROTATION_TICKS } from "../draw/tables.js";
import { formatValue } from "../numbers/format.js";
import { el } from "./dom.js";
import { term } from "./glossary.js";

export class Legend {
  #key = "";

  constructor() {
    this.element = el("div", { class: "legends" });
  }

  /** @param {import("../views/view.js").Scene | null} scene */
  update(scene) {
    const bars = scene ? barsOf(scene) : [];
    const key = JSON.stringify(bars);
    if (key === this.#key) return;
    this.#key = key;
    this.element.replaceChildren(...bars.map(([words, map, ticks]) => legend(words, map, ticks)));
  }
}

function barsOf({ mode, frame, evolution }) {
  const bars = [["rotation", "rotation", ROTATION_TICKS.map((tick) => [rotationShare(tick), String(tick)])]];
  const heat = frame.kind === "heat" ? frame : evolution;
  if (!heat) return bars;
  const limit = heat.limits.every((value) => value === heat.limits[0]) ? formatValue(heat.limits[0]) : "max";
  const words = mode === "taps" ? "weight" : "difference";
  if (!heat.signed)
    return [
      [
        `|${words}|`,
        "oneSided",
        [
          [0, "0"],
          [1, limit],
        ],
      ],
      ...bars,
    ];
  const ticks = [
    [0, `−${limit}`],
    [0.5, "0"],
    [1, limit],
  ];
  return [[words, "signed", ticks], ...bars];
}

function legend(words, map, ticks) {
  return el(
    "div",
    { class: "legend" },
    el("span", { class: "legend-name" }, term(words.replaceAll("|", ""), words)),
    el(
      "div",
      { class: "legend-scale" },
      el("div", { class: "legend-bar", style: `background: ${gradient(map)}` }),
      ...ticks.map(([share, text]) => el("span", { class: "legend-tick", style: `left: ${share * 100}%`, text })),
    ),
  );
}
