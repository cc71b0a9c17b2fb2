/** From what the user asks for and what has come in, to what is shown. */

import { against, comparable, stepsBack } from "../data/against.js";
import { hasLearned, measure, moved, peakFrequencies } from "../data/snapshot.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { shortened } from "../panels/words.js";
import { LayerView } from "../views/view.js";

/** Up to so many layers need no overview. */
const FEW = 3;

export class Model {
  #view = null;
  #order = { key: "", whose: "", rows: null, step: null };
  #opening = { series: null, learned: false, version: -1 };

  /** @param {import("./state.js").State} state @param {import("../data/loader.js").Loader} loader */
  constructor(state, loader) {
    this.state = state;
    this.loader = loader;
    this.runs = [];
  }

  /** The chosen run and layer; where none is chosen, or it is not there, the ones shown so far, whatever has come before
   * them in the lists; else the first ones. Null while there are none. */
  select() {
    const { state, chosen, runs } = this;
    const named = (name) => runs.find((each) => each.run === name);
    const run = named(state.run) ?? named(chosen?.run.run) ?? runs[0];
    if (!run) return null;
    const usable = run.layers.filter((layer) => !layer.problem);
    const tagged = (layers, tag) => layers.find((each) => each.tag === tag);
    const layer = tagged(run.layers, state.tag) ?? tagged(usable, chosen?.layer.tag) ?? usable[0] ?? run.layers[0];
    return { run, layer };
  }

  /** What was asked for and is not what is shown, in words; null if it is. */
  get missing() {
    const { state, chosen } = this;
    if (!chosen) return null;
    const { run, layer } = chosen;
    if (state.run !== null && run.run !== state.run)
      return `The run ${shortened(state.run, 60)} is not there; what is shown is ${shortened(run.run, 60)}.`;
    if (this.overview || state.tag === null || layer.tag === state.tag) return null;
    const asked = shortened(state.tag.replace(/\/bank$/, ""), 60);
    return `The run has no layer ${asked}; what is shown is ${shortened(layer.layer, 60)}.`;
  }

  /** Whether all layers are shown, and not one of them. */
  get overview() {
    const { view, named } = this.state;
    if (!this.chosen) return false;
    return view === null ? !named && this.chosen.run.layers.length > FEW : view === "overview";
  }

  /** Bring the series in line with the choice, and tell the loader what to fetch. */
  aim() {
    const chosen = this.select();
    this.chosen = chosen;
    this.series = chosen && !chosen.layer.problem ? this.loader.series(chosen.run.run, chosen.layer) : null;
    this.other = null;
    const active = [];
    if (this.series) {
      active.push({ series: this.series, wanted: () => this.#wanted() });
      const rival = this.rivals().find((each) => `run:${each.run}` === this.state.compare);
      if (rival) {
        this.other = this.loader.series(rival.run, rival.layer);
        active.push({ series: this.other, wanted: () => this.#wantedOfOther() });
      }
    }
    this.loader.show(this.overview ? [] : active);
  }

  /** The layer in the other run, where that has filters of the same shape. */
  get beside() {
    return this.other && comparable(this.other.layer, this.series.layer) ? this.other : null;
  }

  /** The same layer in other runs. */
  rivals() {
    if (!this.chosen) return [];
    const { run, layer } = this.chosen;
    const found = this.runs.map((each) => ({
      run: each.run,
      layer: each.layers.find(({ tag, problem }) => tag === layer.tag && !problem),
    }));
    return found.filter((each) => each.layer && each.run !== run.run);
  }

  /** Position that the user asks for. */
  get position() {
    const { series, state } = this;
    if (!series?.count) return -1;
    return state.step === null ? series.count - 1 : series.positionOfStep(state.step);
  }

  get pinned() {
    return this.series?.count && this.state.pin !== null ? this.series.positionOfStep(this.state.pin) : -1;
  }

  #wanted() {
    const { position } = this;
    const wanted = [position];
    if (this.state.compare === "pinned") wanted.push(this.pinned);
    const back = stepsBack(this.state.compare);
    if (back) for (const place of [position, position + 1, position - 1]) wanted.push(Math.max(place - back, 0));
    if (this.state.sorted !== null) wanted.push(this.series.positionOfStep(this.state.sorted));
    for (let reach = 1; reach <= 4; reach++) wanted.push(position + reach, position - reach);
    // A layer that starts at zero has its reference in its first snapshots.
    if (this.series.loaded && this.series.reference < 0) wanted.push(1, 2, 3, 4, 5, 6, 7, 8);
    return wanted.filter((place) => place >= 0 && place < this.series.count);
  }

  #wantedOfOther() {
    const { series, other } = this;
    const shown = series.nearest(this.position);
    if (shown < 0 || !other.loaded) return [];
    const near = other.nearestTo(series, shown);
    return near < 0 ? [] : [near, near + 1, near - 1].filter((place) => place >= 0 && place < other.count);
  }

  /** What a loaded snapshot is compared with in a mode. Over the whole training, and for a difference, there is no
   * way without the initial filters.
   * @returns {import("../data/against.js").Against} */
  #against(mode, position) {
    const { series, other, pinned } = this;
    const { compare } = this.state;
    const fixed = mode === "evolution" || (mode === "change" && compare === "none");
    return against(fixed ? "initial" : compare, position, { series, other: fixed ? null : other, pinned });
  }

  /** Mode and order where the user has chosen none: what was learned, once there is something. Who has begun to look
   * at the initial filters is not taken from there. */
  #open() {
    const { series, state } = this;
    const known = this.#opening.series === series;
    const open = state.untouched || series.loaded < series.count;
    if (!known || (!this.#opening.learned && open && this.#opening.version !== series.version))
      this.#opening = { series, learned: hasLearned(series), version: series.version };
    return this.#opening.learned ? { mode: "change", sort: "change" } : { mode: "taps", sort: "index" };
  }

  /** Everything that is drawn; null until a snapshot is there. */
  scene() {
    const { series, state } = this;
    const shown = series?.header ? series.nearest(this.position) : -1;
    if (shown < 0) return null;
    const { channels, scale } = state;
    const opening = this.#open();
    const asked = state.mode ?? opening.mode;
    const mode = asked === "response" && withoutFrequencies(series.header) ? "taps" : asked;
    const options = { mode, channels, scale };
    if (!this.#view?.fits(series, options)) this.#view = new LayerView(series, options);
    const compared = this.#against(mode, shown);
    const sort = sortOf(state.sort ?? opening.sort, series.header, compared);
    const order = this.#sorted(shown, mode, sort, compared);
    const which = { run: series.run, tag: series.layer.tag };
    state.open({ ...which, ...opening, sorted: sort === "index" ? null : this.#order.step });
    return {
      series,
      view: this.#view,
      mode,
      frame: this.#view.frame(shown, compared),
      position: shown,
      exact: shown === this.position,
      scale,
      sort,
      compared,
      order,
      sorted: this.#order.step,
    };
  }

  /** Rows in the order of their tiles: frozen at the step for which it was asked. */
  #sorted(shown, mode, sort, compared) {
    const { series, state } = this;
    const choice = ["change", "drift"].includes(sort) ? compared.choice : "";
    const whose = [series.run, series.layer.tag, series.filters, sort, choice].join(" ");
    // Without a step of its own, the order is that of the moment when sorting was first shown.
    const step = state.sorted ?? (whose === this.#order.whose ? this.#order.step : null);
    const asked = step === null ? shown : series.positionOfStep(step);
    const at = sort === "index" ? -1 : series.nearest(asked);
    const base = choice ? this.#against(mode, at) : null;
    const key = [whose, at, series.reference, base?.key].join(" ");
    if (key !== this.#order.key) {
      const rows = sortRows(series, sort, at, base?.weights ?? null);
      this.#order = { key, whose, rows, step: series.snapshots[at]?.step ?? null };
    }
    return this.#order.rows;
  }
}

/** The order that there is: not all layers have frequencies, and nothing has moved from nothing. */
function sortOf(sort, header, compared) {
  const none = sort === "peak" ? withoutFrequencies(header) : compared.choice === "none" && sort !== "norm";
  return none ? "index" : sort;
}

function sortRows(series, sort, position, base) {
  const rows = Array.from({ length: series.filters }, (_, row) => row);
  if (sort === "index") return rows;
  const values = {
    change: () => moved(series, position, base),
    drift: () => measure(series, position, base).rotation,
    norm: () => measure(series, position, base).norm,
    peak: () => peakFrequencies(series, position),
  }[sort]();
  const sign = sort === "peak" ? 1 : -1;
  const size = (row) => (Number.isNaN(values[row]) ? Infinity : sign * values[row]);
  return rows.sort((a, b) => (size(a) === size(b) ? a - b : size(a) - size(b)));
}
