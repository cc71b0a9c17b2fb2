/** The line above the grid that tells how to read it: how many filters of what size, and what tiles show of them. */

import { formatValue } from "../numbers/format.js";
import { el, setText } from "./dom.js";
import { deadWords, joined, shapeWords } from "./words.js";

export class Reading {
  constructor() {
    this.element = el("p", { class: "summary" });
  }

  /** @param {object | null} scene As for the grid, with `evolution`. */
  update(scene) {
    setText(
      this.element,
      scene ? joined(shapeWords(scene.series.header), countMarks(scene.frame.marks), ...readingWords(scene)) : "",
    );
  }
}

function countMarks(marks) {
  const dead = marks.filter((mark) => mark === "dead").length;
  const broken = marks.filter((mark) => mark === "NaN").length;
  return joined(deadWords(dead, marks.length), broken ? `${broken} with NaN or Inf` : "");
}

function readingWords({ mode, scale, frame, view, ghostWords, evolution, series, fault }) {
  const words = [fault];
  const edge = frame.limits && scale === "shared" ? `tile edge ±${formatValue(frame.limit / 0.94)}` : "";
  const clipped = (frame.clipped ?? evolution?.clipped) ? "corner: beyond the scale" : "";
  if (mode === "evolution") {
    words.push(
      `difference from ${series.moment(Math.max(series.reference, 0))}`,
      `${series.unit}s ↓`,
      series.header.shape[2] === 1 ? "channels →" : "taps →",
      evolution?.more ? "still coming in" : "",
    );
  } else if (mode === "response") {
    words.push("0 to −40 dB", ghostWords && `pale: ${ghostWords}`);
  } else {
    if (mode === "change")
      words.push(ghostWords ? `difference from ${ghostWords}` : "difference from the initial filters");
    if (view.channels === "principal") words.push("principal shape of the channels");
    else if (view.channels === "l2") words.push("root of sum of squares over channels");
    else if (frame.kind === "heat") words.push("channels ↓", "taps →");
    else if (series.header.shape[2] === 1) words.push("along the channels");
    if (series.header.complex) words.push("magnitude");
    if (mode === "taps" && frame.ghost) words.push(`pale: ${ghostWords}`);
    if (frame.kind !== "heat") words.push(edge);
  }
  return [...words, clipped].filter(Boolean);
}
