/** The bar above the grid: what tiles show, their order and scale; and a line that tells how to read it. */

import { gradient, rotationShare } from "../draw/colours.js";
import { ROTATION_TICKS } from "../draw/tables.js";
import { formatValue } from "../numbers/format.js";
import { el, ICONS, icon, setText } from "./dom.js";
import { deadWords, joined, shapeWords } from "./words.js";

const MODES = {
  taps: ["Taps", "Every filter over its taps, the initial one in pale behind (1)"],
  change: ["Change", "What was learned: the difference from what you compare with (2)"],
  response: ["Response", "Magnitude response in dB re each filter's maximum (3)"],
  /** Named by what time is counted in. */
  evolution: ["", ""],
};
const SORTS = { index: "number", drift: "rotation", norm: "norm", peak: "peak frequency" };
const SCALES = { shared: "shared", filter: "per filter" };
const CHANNELS = { auto: "auto", all: "all", principal: "principal" };

function select(testid, words, choices, onChoose) {
  const options = Object.entries(choices).map(([value, text]) => el("option", { value, text }));
  const element = el(
    "select",
    { class: "control", "data-testid": testid, on: { change: () => onChoose(element.value) } },
    ...options,
  );
  return { element, label: el("label", { class: "labelled" }, el("span", { text: words }), element) };
}

export class Toolbar {
  /**
   * @param {HTMLElement} find The search for filters, which stands in the bar.
   * @param {import("./dom.js").Actions} actions `mode`, `sort`, `again`, `scale`, `channels`, `menu`, `overview`.
   */
  constructor(find, actions) {
    this.modes = Object.entries(MODES).map(([mode, [text, title]]) =>
      el("button", {
        type: "button",
        class: "segment",
        "data-testid": `mode-${mode}`,
        "data-mode": mode,
        title,
        text,
        on: { click: () => actions.mode(mode) },
      }),
    );
    this.evolution = this.modes.at(-1);
    this.sort = select("sort", "Sort", SORTS, actions.sort);
    this.again = el(
      "button",
      {
        class: "icon-button",
        type: "button",
        "data-testid": "sort-again",
        on: { click: actions.again },
      },
      icon(ICONS.again),
    );
    this.scale = select("scale", "Scale", SCALES, actions.scale);
    this.channels = select("channels", "Channels", CHANNELS, actions.channels);
    this.menu = el(
      "button",
      { class: "icon-button menu", type: "button", "aria-label": "Runs and layers", on: { click: actions.menu } },
      icon(ICONS.menu),
    );
    this.overview = el("button", {
      class: "text-button overview-button",
      type: "button",
      "data-testid": "to-overview",
      title: "All layers of this run at once (o)",
      text: "‹ All layers",
      on: { click: actions.overview },
    });
    this.#name("epoch");
    this.summary = el("p", { class: "summary" });
    this.legend = el("div", { class: "legends" });
    this.element = el(
      "header",
      { class: "toolbar" },
      el(
        "div",
        { class: "controls" },
        this.menu,
        this.overview,
        el("div", { class: "segments", role: "group", "aria-label": "What tiles show" }, ...this.modes),
        el("div", { class: "sorting" }, this.sort.label, this.again),
        this.scale.label,
        this.channels.label,
        find,
      ),
      el("div", { class: "reading" }, this.summary, this.legend),
    );
  }

  /** Words that name what time is counted in. */
  #name(unit) {
    const { evolution } = this;
    setText(evolution, `${unit[0].toUpperCase()}${unit.slice(1)}s × taps`);
    evolution.title = `The whole training in one tile: difference from the initial filter, ${unit}s downwards (4)`;
    this.again.setAttribute("aria-label", `Sort again at this ${unit}`);
  }

  /** @param {{[name: string]: any}} state The page's. @param {import("../views/view.js").Scene | null} scene */
  update(state, scene) {
    const mode = scene?.mode ?? state.mode;
    for (const button of this.modes) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
      if (button.dataset.mode === "response") button.disabled = scene?.series.header.shape[2] === 1;
    }
    this.sort.element.value = state.sort;
    this.again.hidden = state.sort === "index";
    this.scale.element.value = state.scale;
    this.scale.label.hidden = mode === "response";
    this.channels.element.value = state.channels;
    const header = scene?.series.header;
    const choice = header && header.shape[1] > 1 && header.shape[2] > 1 && !header.complex;
    this.channels.label.hidden = !choice || mode === "response" || mode === "evolution";
    if (!scene) {
      this.summary.textContent = "";
      this.legend.replaceChildren();
      delete this.legend.dataset.key;
      return;
    }
    const { series } = scene;
    this.#name(series.unit);
    if (state.sorted !== null) {
      const at = series.moment(series.positionOfStep(state.sorted));
      this.again.title = `Sorted at ${at}. Sort again at this ${series.unit}`;
    }
    setText(this.summary, joined(shapeWords(series.header), countMarks(scene.frame.marks), ...readingWords(scene)));
    this.#legends(scene);
  }

  #legends({ mode, frame, evolution }) {
    const bars = [["rotation", "rotation", ROTATION_TICKS.map((tick) => [rotationShare(tick), String(tick)])]];
    const heat = frame.kind === "heat" ? frame : evolution;
    if (heat) {
      const limit = heat.limits.every((value) => value === heat.limits[0]) ? formatValue(heat.limits[0]) : "max";
      const words = mode === "taps" ? "weight" : "difference";
      bars.unshift(
        heat.signed
          ? [
              words,
              "signed",
              [
                [0, `−${limit}`],
                [0.5, "0"],
                [1, limit],
              ],
            ]
          : [
              `|${words}|`,
              "oneSided",
              [
                [0, "0"],
                [1, limit],
              ],
            ],
      );
    }
    const key = JSON.stringify(bars);
    if (key === this.legend.dataset.key) return;
    this.legend.dataset.key = key;
    this.legend.replaceChildren(...bars.map(([words, map, ticks]) => legend(words, map, ticks)));
  }
}

function legend(words, map, ticks) {
  return el(
    "div",
    { class: "legend" },
    el("span", { class: "legend-name", text: words }),
    el(
      "div",
      { class: "legend-scale" },
      el("div", { class: "legend-bar", style: `background: ${gradient(map)}` }),
      ...ticks.map(([share, text]) => el("span", { class: "legend-tick", style: `left: ${share * 100}%`, text })),
    ),
  );
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
