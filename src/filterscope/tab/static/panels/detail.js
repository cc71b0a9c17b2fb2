/** The panel of one filter: taps, response, its two heat maps, and its measures over time. */

import { filterHistory } from "../data/history.js";
import { Key } from "../draw/kept.js";
import { formatFrequency, formatRotation, formatValue } from "../numbers/format.js";
import { frequencyAxis, peakFrequency } from "../numbers/spectrum.js";
import { Channels } from "./detail_channels.js";
import { drawHistory } from "./detail_history.js";
import { drawResponse, drawTaps, responseOf } from "./detail_moment.js";
import { Moments } from "./detail_moments.js";
import { button, el, ICONS, icon, setText } from "./dom.js";
import { term } from "./glossary.js";
import { Plot } from "./plot.js";
import { rotationWords } from "./scales.js";
import { shortened } from "./words.js";

/** Milliseconds between two readings of the whole history while it is still coming in. */
const PATIENCE = 300;
/** What the style sheet keeps free at the right of the plots. */
const PADDING = 8;
/** Plots stand side by side where each has so much room. */
const COLUMN = 330;

export class Detail {
  #factsKey = new Key();
  #history = null;
  #historyKey = [];
  #read = 0;

  /**
   * @param {import("./dom.js").Actions} actions `close()`, `step(by)` to the next filter in the grid's order, `seek(position)`.
   */
  constructor(actions) {
    const step = (path, words, press) =>
      button({ class: "icon-button", title: words, "aria-label": words }, press, icon(path));
    this.layerName = el("span", { class: "detail-layer" });
    this.filterName = el("span");
    const heading = el("h2", { class: "detail-title cut" }, this.layerName, this.filterName);
    this.facts = el("dl", { class: "facts" });
    const seek = (_, y) => actions.seek(Math.floor(y));
    const seekAcross = (x) => actions.seek(Math.round(x));
    this.moments = new Moments((position) => actions.seek(position));
    this.channels = new Channels();
    this.plots = {
      taps: new Plot("Taps", 172),
      response: new Plot("Response", 148),
      evolution: new Plot("Learned", 148, seek),
      spectra: new Plot("Response", 148, seek),
      rotation: new Plot("Rotation", 74, seekAcross),
      change: new Plot("Change", 74, seekAcross),
      norm: new Plot("Norm", 88, seekAcross),
    };
    const bar = el(
      "header",
      { class: "detail-bar" },
      heading,
      this.facts,
      step(ICONS.previous, "Previous filter (↑)", () => actions.step(-1)),
      step(ICONS.next, "Next filter (↓)", () => actions.step(1)),
      step(ICONS.close, "Close (Esc)", actions.close),
    );
    const [taps, ...others] = Object.values(this.plots).map((plot) => plot.element);
    this.body = el(
      "div",
      { class: "detail-body", tabindex: 0, role: "group", "aria-label": "Plots of the filter" },
      this.moments.element,
      taps,
      this.channels.element,
      ...others,
    );
    this.element = el(
      "aside",
      { class: "detail", "data-testid": "detail", "aria-label": "Filter", hidden: true },
      bar,
      this.body,
    );
  }

  /** The plots that have something to show, from the top. */
  get shown() {
    const { taps, ...others } = this.plots;
    const all = [this.moments, taps, ...this.channels.panes, ...Object.values(others)];
    return all.filter(({ element }) => element.checkVisibility());
  }

  /** @returns {boolean} Whether the focus was in it. */
  hide() {
    const had = this.element.contains(document.activeElement);
    this.element.hidden = true;
    delete this.element.dataset.filter;
    return had;
  }

  /**
   * @param {import("../views/view.js").Scene} scene
   * @param {number} row The filter.
   * @returns {boolean} Whether its history has to be read again soon, as more has come in.
   */
  show(scene, row) {
    const { series, position, frame } = scene;
    const number = series.numberOf(row);
    this.element.hidden = false;
    const room = this.body.clientWidth - PADDING;
    const columns = Math.max(1, Math.floor(room / COLUMN));
    const width = Math.floor(room / columns);
    this.body.style.setProperty("--columns", String(columns));
    for (const plot of Object.values(this.plots)) plot.width = width;
    this.element.dataset.filter = String(number);
    this.element.setAttribute("aria-label", `Filter ${number} of ${series.layer.layer}`);
    setText(this.layerName, shortened(series.layer.layer, 26));
    this.layerName.title = series.layer.layer;
    setText(this.filterName, ` filter ${number}`);
    const key = [series, row, series.version];
    const sameFilter = this.#historyKey[0] === series && this.#historyKey[1] === row;
    const stale = key.some((value, i) => value !== this.#historyKey[i]);
    const wait = sameFilter && performance.now() - this.#read < PATIENCE && series.loaded < series.count;
    if (stale && !wait && series.referenceWeights) {
      this.#historyKey = key;
      this.#read = performance.now();
      this.#history = filterHistory(series, row);
    }
    const moment = { ...scene, row, history: series.referenceWeights ? this.#history : null };
    const decibelsNow = responseOf(moment, series.weights(position));
    this.#showFacts(moment, frame, decibelsNow);
    this.moments.draw(moment, room);
    drawTaps(this.plots.taps, moment);
    this.channels.draw(moment, width);
    drawResponse(this.plots.response, moment, decibelsNow);
    drawHistory(this.plots, moment);
    this.element.dataset.step = String(series.snapshots[position].step);
    return stale && wait;
  }

  #showFacts({ series, position, row, history, compared }, frame, response) {
    const axis = frequencyAxis(series.header);
    const facts = [
      ["rotation", rotationWords(compared), formatRotation(frame.rotation[row])],
      ["change", "change", formatValue(history?.change[history.positions.indexOf(position)] ?? NaN)],
      ["norm", "norm", formatValue(frame.norm[row])],
    ];
    if (response) facts.push(["peak", "peak", formatFrequency(peakFrequency(response, axis), axis.unit)]);
    const state = frame.marks[row] === "NaN" ? "NaN or Inf" : frame.marks[row];
    if (state) facts.push([state, "state", state]);
    // Words keep the focus while only numbers change.
    if (this.#factsKey.turned(...facts.map(([word, name]) => `${word} ${name}`))) {
      this.facts.replaceChildren(
        ...facts.map(([word, name]) => el("div", {}, el("dt", {}, term(word, name)), el("dd"))),
      );
    }
    facts.forEach(([, , value], i) => setText(this.facts.children[i].lastElementChild, value));
  }
}
