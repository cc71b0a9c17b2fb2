/** The scales of colours that a scene has, for its legend and for pictures of it. */

import { rotationShare } from "../draw/colours.js";
import { ROTATION_TICKS } from "../draw/tables.js";
import { formatValue } from "../numbers/format.js";
import { shortened } from "./words.js";

/**
 * @typedef {object} ColourScale
 * @property {string} words
 * @property {"rotation" | "signed" | "oneSided"} map
 * @property {[number, string][]} ticks Shares of the bar, and their words.
 */

/** @param {import("../views/view.js").Scene} scene @returns {ColourScale[]} */
export function colourScales({ mode, frame, evolution, compared }) {
  /** @type {ColourScale[]} */
  const scales = [];
  const heat = frame.kind === "heat" ? frame : evolution;
  if (heat) {
    const limit = heat.limits.every((value) => value === heat.limits[0]) ? formatValue(heat.limits[0]) : "max";
    const words = mode === "taps" ? "weight" : "difference";
    if (heat.signed) scales.push({ words, map: "signed", ticks: spaced(`−${limit}`, "0", limit) });
    else scales.push({ words: `|${words}|`, map: "oneSided", ticks: spaced("0", limit) });
  }
  if (!frame.plain) scales.push({ words: rotationWords(compared), map: "rotation", ticks: ROTATION });
  return scales;
}

/** Words at equal distances along a bar. @returns {[number, string][]} */
function spaced(...words) {
  return words.map((text, i) => [i / (words.length - 1), text]);
}

/** @type {[number, string][]} */
const ROTATION = ROTATION_TICKS.map((tick) => [rotationShare(tick), String(tick)]);

/** What rotation is measured from, where it is not from the initial filters.
 * @param {import("../data/against.js").Against} compared */
export function rotationWords({ choice, words }) {
  return choice === "initial" || !words ? "rotation" : `rotation from ${shortened(words, 28)}`;
}
