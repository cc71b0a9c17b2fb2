/** From what the user asks for and what has come in, to what is shown. */

import { measure, peakFrequencies } from "../data/snapshot.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { LayerView } from "../views/view.js";

/** Layers with another shape cannot lie behind this one. */
function comparable(series, other) {
  const [one, two] = [series.header, other?.header];
  return Boolean(one && two && one.complex === two.complex && one.shape.every((size, i) => size === two.shape[i]));
}

/** Up to so many layers need no overview. */
const FEW = 3;

export class Model {
  #view = null;
  #viewOptions = {};
  #order = { key: "", rows: null };

  /** @param {import("./state.js").State} state @param {import("../data/loader.js").Loader} loader */
  constructor(state, loader) {
    this.state = state;
    this.loader = loader;
    this.runs = [];
  }

  /** The chosen run and layer, or the first ones; null while there are none. */
  select() {
    const run = this.runs.find((each) => each.run === this.state.run) ?? this.runs[0];
    if (!run) return null;
    const usable = run.layers.filter((layer) => !layer.problem);
    const layer = run.layers.find((each) => each.tag === this.state.tag) ?? usable[0] ?? run.layers[0];
    return layer ? { run, layer } : null;
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

  /** What lies behind the filters: `{weights, words}`; no weights where there is nothing to compare with. */
  ghost(shown) {
    const { series, other } = this;
    const { compare } = this.state;
    if (compare === "none") return { weights: null, words: "" };
    if (compare === "pinned" && this.pinned >= 0) {
      const position = series.nearest(this.pinned);
      return { weights: series.weights(position), words: series.moment(position) };
    }
    if (other) {
      if (other.header && !comparable(series, other))
        return { weights: null, words: "", fault: `${other.run} has another shape` };
      const position = other.nearestTo(series, shown);
      if (position < 0) return { weights: null, words: "" };
      const when = other.moment(position, other.unitWith(series));
      return { weights: other.weights(position), words: `${other.run}, ${when}` };
    }
    const { reference } = series;
    return { weights: series.referenceWeights, words: reference < 0 ? "" : series.moment(reference) };
  }

  /** Everything that is drawn; null until a snapshot is there. */
  scene() {
    const { series, state } = this;
    const shown = series?.header ? series.nearest(this.position) : -1;
    if (shown < 0) return null;
    const { channels, scale } = state;
    const mode = state.mode === "response" && withoutFrequencies(series.header) ? "taps" : state.mode;
    const options = { mode, channels, scale };
    if (!this.#view?.fits(series, options, this.#viewOptions)) {
      this.#view = new LayerView(series, options);
      this.#viewOptions = options;
    }
    const ghost = this.ghost(shown);
    return {
      series,
      view: this.#view,
      mode,
      frame: this.#view.frame(shown, ghost.weights),
      position: shown,
      count: series.count,
      exact: shown === this.position,
      scale,
      ghostWeights: ghost.weights,
      ghostWords: ghost.words,
      fault: ghost.fault ?? null,
      order: this.#sorted(shown),
    };
  }

  /** Rows in the order of their tiles: frozen at the step for which it was asked. */
  #sorted(shown) {
    const { series, state } = this;
    const asked = state.sorted === null ? shown : series.positionOfStep(state.sorted);
    const at = state.sort === "index" ? -1 : series.nearest(asked);
    // Without a step of its own, the order is that of the moment when sorting was first shown.
    const exact = series.isLoaded(asked);
    const frozen = state.sorted === null ? "" : `${asked} ${exact}`;
    const key = [series.run, series.layer.tag, series.filters, state.sort, frozen, series.reference].join(" ");
    if (key !== this.#order.key) this.#order = { key, rows: sortRows(series, state.sort, at) };
    return this.#order.rows;
  }
}

function sortRows(series, sort, position) {
  const rows = Array.from({ length: series.filters }, (_, row) => row);
  if (sort === "index") return rows;
  const values =
    sort === "peak"
      ? peakFrequencies(series, position)
      : measure(series, position)[sort === "drift" ? "rotation" : "norm"];
  const sign = sort === "peak" ? 1 : -1;
  const size = (row) => (Number.isNaN(values[row]) ? Infinity : sign * values[row]);
  return rows.sort((a, b) => (size(a) === size(b) ? a - b : size(a) - size(b)));
}
