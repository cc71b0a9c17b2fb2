/** The bar above the grid: what tiles show, their order and scale; and a line that tells how to read it. */

import { isLettered, withoutFrequencies } from "../numbers/letters.js";
import { CHANNELS, SCALES, SORTS, TILES } from "./choices.js";
import { Compare } from "./compare.js";
import { button, el, ICONS, icon, select, setText } from "./dom.js";
import { helpButton } from "./help.js";
import { Legend } from "./legend.js";
import { Reading } from "./reading.js";

const MODES = {
  taps: ["Taps", "Every filter over its taps, the initial one in pale behind (1)"],
  change: ["Change", "What was learned: the difference from what you compare with (2)"],
  response: ["Response", "Magnitude response in dB re each filter's maximum (3)"],
  /** Named by what time is counted in. */
  evolution: ["", ""],
};

function labelled(testid, words, choices, choose) {
  const element = select({ class: "control", "data-testid": testid }, Object.entries(choices), choose);
  return { element, label: el("label", { class: "labelled" }, el("span", { text: words }), element) };
}

export class Toolbar {
  #last = { mode: "taps", sort: "index" };

  /**
   * @param {HTMLElement} find The search for filters, which stands in the bar.
   * @param {import("./dom.js").Actions} actions `mode`, `compare`, `sort`, `again`, `scale`, `channels`, `menu`,
   *   `overview`, `help`, `tile`.
   */
  constructor(find, actions) {
    this.modes = Object.entries(MODES).map(([mode, [text, title]]) =>
      button({ class: "segment", "data-testid": `mode-${mode}`, "data-mode": mode, title, text }, () =>
        actions.mode(mode),
      ),
    );
    this.response = this.modes[2];
    this.evolution = this.modes[3];
    this.sort = labelled("sort", "Sort", SORTS, actions.sort);
    this.again = button({ class: "icon-button", "data-testid": "sort-again" }, actions.again, icon(ICONS.again));
    this.scale = labelled("scale", "Scale", SCALES, actions.scale);
    this.channels = labelled("channels", "Channels", CHANNELS, actions.channels);
    this.letters = this.channels.element.options[Object.keys(CHANNELS).indexOf("logo")];
    this.tile = labelled("tile", "Tiles", TILES, actions.tile);
    this.tile.element.title = "Size of the tiles (+ and −, 0 to fit)";
    this.compare = new Compare(actions.compare);
    const menu = { class: "icon-button menu", "aria-label": "Runs and layers" };
    const overview = {
      "data-testid": "to-overview",
      title: "All layers of this run at once (o)",
      text: "‹ All layers",
    };
    this.#name("epoch");
    this.reading = new Reading();
    this.legend = new Legend();
    this.element = el(
      "header",
      { class: "toolbar" },
      el(
        "div",
        { class: "controls" },
        button(menu, actions.menu, icon(ICONS.menu)),
        button({ class: "text-button", ...overview }, actions.overview),
        el("div", { class: "segments", role: "group", "aria-label": "What tiles show" }, ...this.modes),
        this.compare.element,
        el("div", { class: "sorting" }, this.sort.label, this.again),
        this.scale.label,
        this.channels.label,
        this.tile.label,
        find,
        helpButton(actions.help),
      ),
      el("div", { class: "reading" }, this.reading.element, this.legend.element),
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
    // While a layer is on its way, what was shown before stays.
    if (scene) this.#last = { mode: scene.mode, sort: scene.sort };
    const mode = scene?.mode ?? state.mode ?? this.#last.mode;
    for (const segment of this.modes) segment.setAttribute("aria-pressed", String(segment.dataset.mode === mode));
    const reason = scene ? withoutFrequencies(scene.series.header) : "";
    this.response.disabled = Boolean(reason);
    this.response.title = reason || MODES.response[1];
    const sort = scene?.sort ?? state.sort ?? this.#last.sort;
    this.sort.element.value = sort;
    for (const option of this.sort.element.options) option.disabled = scene ? !canSort(option.value, scene) : false;
    this.again.hidden = sort === "index";
    this.scale.element.value = state.scale;
    this.scale.label.hidden = mode === "response";
    this.tile.element.value = state.tile;
    const header = scene?.series.header;
    const choice = header && header.shape[1] > 1 && header.shape[2] > 1 && !header.complex;
    const lettered = header && isLettered(header);
    // What a link asked for of another layer is none of this one's choices.
    this.channels.element.value = state.channels === "logo" && !lettered ? "auto" : state.channels;
    this.letters.hidden = this.letters.disabled = !lettered;
    this.channels.label.hidden = !choice || mode === "response" || mode === "evolution";
    this.reading.update(scene);
    this.legend.update(scene);
    if (!scene) return;
    const { series } = scene;
    this.#name(series.unit);
    if (scene.sorted !== null) {
      const at = series.moment(series.positionOfStep(scene.sorted));
      this.again.title = `Sorted at ${at}. Sort again at this ${series.unit}`;
    }
  }
}

/** Not all layers have frequencies, and nothing has moved from nothing. */
function canSort(sort, { series, compared }) {
  if (sort === "peak") return !withoutFrequencies(series.header);
  return compared.choice !== "none" || !["change", "drift"].includes(sort);
}
