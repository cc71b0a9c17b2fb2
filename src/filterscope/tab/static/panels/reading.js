/** The line above the grid that tells how to read it: how many filters of what size, and what tiles show of them. */

import { stepsBack } from "../data/against.js";
import { Key } from "../draw/kept.js";
import { formatBounds, formatValue } from "../numbers/format.js";
import { FLOOR_DB, frequencyAxis } from "../numbers/spectrum.js";
import { el, setText } from "./dom.js";
import { term } from "./glossary.js";
import { deadWords, shapeWords } from "./words.js";

/** Part of the line: plain words, or some of which one is explained. */
const about = (word, text = word, after = "", before = "") => ({ word, text, after, before });

export class Reading {
  #key = new Key();

  constructor() {
    this.element = el("p", { class: "summary" });
  }

  /** @param {import("../views/view.js").Scene | null} scene */
  update(scene) {
    const parts = scene
      ? [shapeWords(scene.series.header), ...markWords(scene.frame.marks), ...readingWords(scene)]
      : [];
    const known = parts.filter(Boolean).map((part) => (part.word ? part : about(null, "", "", part)));
    // What is explained stays, and keeps the focus, while only numbers change.
    if (this.#key.turned(...known.map(({ word }) => word)))
      this.element.replaceChildren(...known.map(({ word }) => partOf(word)));
    known.forEach(({ word, text, before, after }, i) => {
      const [first, middle, last] = this.element.children[i].children;
      setText(first, `${i ? " · " : ""}${before}`);
      if (word) setText(middle, text);
      setText(last, after);
    });
  }
}

function partOf(word) {
  return el("span", {}, el("span"), word ? term(word) : el("span"), el("span"));
}

function markWords(marks) {
  const dead = marks.filter((mark) => mark === "dead").length;
  const broken = marks.filter((mark) => mark === "NaN").length;
  const [before, after] = deadWords(dead, marks.length).split("dead");
  return [
    dead && about("dead", "dead", after, before),
    broken && about("NaN or Inf", "NaN or Inf", "", `${broken} with `),
  ];
}

/** What lies behind the tiles, or is taken off: nothing where there is none. */
function paleWords({ words }) {
  return words && about("pale", "pale", `: ${words}`);
}

function responseWords({ series, compared }) {
  const { low, high, alias, folds, unit } = frequencyAxis(series.header);
  const { dilation } = series.header;
  const sign = folds.length > 1 ? "±" : "";
  const range = formatBounds([low, high], unit);
  return [
    unit === "Hz" ? range : about("cycles/sample", "cycles/sample", "", `${range.replace("cycles/sample", "")}`),
    about("dB", "dB", "", `0 to ${formatValue(FLOOR_DB)} `),
    alias && about("stride folds", "stride folds", ` at ${sign}${formatBounds([alias], unit)}`, "dashed: "),
    dilation > 1 && about("repeats", "repeats", " above", `dilation ${dilation}: `),
    paleWords(compared),
  ];
}

function channelWords({ view, frame, series }) {
  if (frame.kind === "logo") return [about("logo", "letters", " by weight"), about("strip", "strip", ": rotation")];
  if (view.channels === "principal") return [about("principal shape", "principal shape", " of the channels")];
  if (view.channels === "l2") return [about("size over channels", "root of sum of squares", " over channels")];
  if (frame.kind === "heat") {
    const small = frame.logo ? [about("logo", "less their mean"), "larger tiles (+) show letters"] : [];
    return [`${rowNames(series.header)} ↓`, "taps →", ...small, about("frame", "frame", ": rotation")];
  }
  return series.header.shape[2] === 1 ? ["along the channels"] : [];
}

/** The channels by their names, if there are a few. */
function rowNames({ channel_names: names }) {
  const listed = names?.join(", ") ?? "";
  return listed && listed.length < 40 ? listed : "channels";
}

function readingWords(scene) {
  const { mode, scale, frame, compared, evolution, series, position } = scene;
  const { fault, words } = compared;
  const clipped = (frame.clipped ?? evolution?.clipped) && frame.kind !== "logo";
  const corner = clipped && about("corner", "corner", ": beyond the scale");
  if (mode === "response") return [fault, ...responseWords(scene), orderWords(scene)];
  if (mode === "evolution")
    return [
      fault,
      about("difference", "difference", ` from ${series.moment(Math.max(series.reference, 0))}`),
      `${series.unit}s ↓`,
      series.header.shape[2] === 1 ? "channels →" : "taps →",
      sumWords(series.header),
      `line: ${series.moment(position)}`,
      evolution?.more ? "still coming in" : "",
      corner,
      orderWords(scene),
    ];
  return [
    fault,
    mode === "change" && words && about("difference", "difference", ` from ${words}`),
    ...channelWords(scene),
    series.header.complex && "magnitude",
    mode === "taps" && frame.ghost && paleWords(compared),
    frame.limits && scale === "shared" && frame.kind !== "heat" && edgeWords(scene),
    corner,
    orderWords(scene),
  ];
}

/** When the order is from, if not from the shown moment. */
function orderWords({ series, sorted, position }) {
  const at = sorted === null ? position : series.positionOfStep(sorted);
  return at === position ? "" : `in the order of ${series.moment(at)}`;
}

/** How several channels are one row of what they learned. */
function sumWords({ shape: [, channels, taps], complex }) {
  if (channels < 2 || taps < 2) return "";
  return complex
    ? about("size over channels", "root of sum of squares", " over channels")
    : about("principal direction", "principal direction", "", "sum of channels along ");
}

/** Steps between snapshots have a scale of their own at each. */
function edgeWords({ mode, frame: { kind, limit, clipped }, compared, series }) {
  const when = mode === "change" && stepsBack(compared.choice) ? ` at this ${series.unit}` : "";
  if (kind === "logo") {
    const more = clipped ? ", higher stacks drawn smaller" : "";
    return about("tile edge", "tile edge", `${when} ±${formatValue(limit)}${more}`);
  }
  return about("tile edge", "tile edge", `${when} ±${formatValue(limit / 0.94)}`);
}
