/** The whole tab: what the user does changes the state, what changes is drawn in the next frame. */

import { Loader } from "../data/loader.js";
import { emptyState, snapshotProblems } from "../panels/messages.js";
import { saveCsv, saveJson, savePng } from "./export.js";
import { saveOverview } from "./export_overview.js";
import { Finder } from "./finder.js";
import { copyAddress, takeFocus } from "./host.js";
import { listenToKeys } from "./keys.js";
import { Marks } from "./marks.js";
import { Model } from "./model.js";
import { Overlook } from "./overlook.js";
import { buildParts } from "./parts.js";
import { Player } from "./player.js";
import { listenToPointer, showPointed } from "./pointer.js";
import { State } from "./state.js";
import { Story } from "./story.js";
import { watch } from "./watch.js";

export class App extends /** @type {new () => import("./parts.js").Parts} */ (/** @type {unknown} */ (Object)) {
  #frame = 0;
  #faults = { loading: null, listing: null, general: [] };
  #scene = null;
  #drawn = null;
  #seen = false;

  constructor() {
    super();
    /** Where the pointer is above the grid. @type {PointerEvent | null} */
    this.pointer = null;
    this.reveal = false;
    this.empty = null;
    this.state = new State((changed) => this.#changed(changed));
    this.loader = new Loader(
      () => this.schedule(),
      (message) => {
        this.#faults.loading = message;
        this.schedule();
      },
    );
    this.model = new Model(this.state, this.loader);
    this.player = new Player(
      () => this.state.speed,
      (steps) => this.#advance(steps),
      () => this.schedule(),
    );
    this.overlook = new Overlook(this);
    this.finder = new Finder(this);
    this.story = new Story(this);
    this.marks = new Marks(this);
    Object.assign(this, buildParts(this));
    listenToPointer(this);
    listenToKeys(this);
  }

  /** Begin with the list of layers that is on its way, and what happened in the run, if that is, too. */
  start(layers, overview) {
    this.overlook.data.expect(this.state.scalar, overview);
    const fail = (message) => {
      this.#faults.listing = message;
      this.#seen = true;
      this.schedule();
    };
    watch(layers, (answer) => this.#take(answer), fail);
  }

  #take({ runs, problems }) {
    const { model } = this;
    model.runs = runs.filter(({ layers }) => layers.length);
    Object.assign(this.#faults, { general: problems, listing: null });
    model.aim();
    const grown = [model.series, model.other].some((series) => series?.behind);
    if (grown || model.overview || this.overlook.data.fault !== null) this.story.refresh();
    this.#seen = true;
    this.schedule();
  }

  #changed(changed) {
    if (["run", "tag", "compare", "view"].some((key) => changed.has(key))) {
      if (changed.has("run") || changed.has("tag")) this.scroller.scrollTop = 0;
      this.model.aim();
    } else if (["step", "sorted", "pin"].some((key) => changed.has(key))) {
      this.loader.pump();
    }
    if (changed.has("filter")) this.reveal = true;
    this.schedule();
  }

  #step() {
    return this.#scene ? this.#scene.series.snapshots[this.#scene.position].step : this.state.step;
  }

  /** Show a snapshot by position; the last one is followed as new ones come. */
  seek(position) {
    const { series } = this.model;
    if (!series?.count) return;
    const at = Math.min(Math.max(Math.round(position), 0), series.count - 1);
    this.state.set({ step: at === series.count - 1 ? null : series.snapshots[at].step });
  }

  play() {
    const { model, player } = this;
    if (!player.playing && model.position >= (model.series?.count ?? 0) - 1) this.seek(0);
    player.toggle();
  }

  #advance(steps) {
    const { position, series } = this.model;
    if (position >= series.count - 1) return false;
    this.seek(position + steps);
    return position + steps < series.count - 1;
  }

  /** A change of mode is the moment to sort anew. */
  setMode(mode) {
    this.state.set({ mode, sorted: this.#scene?.sort === "index" ? null : this.#step() });
  }

  sort(sort) {
    this.state.set({ sort, sorted: sort === "index" ? null : this.#step() });
  }

  sortAgain() {
    this.state.set({ sorted: this.#step() });
  }

  pin() {
    const step = this.#step();
    const { series, pinned } = this.model;
    // The pin may have been set in a run with snapshots at other steps: the nearest one here is what is pinned.
    const off = pinned >= 0 && series.snapshots[pinned].step === step;
    const { compare } = this.state;
    this.state.set(
      off ? { pin: null, compare: compare === "pinned" ? "initial" : compare } : { pin: step, compare: "pinned" },
    );
  }

  /** Open the next filter in the order of the tiles. */
  stepFilter(by) {
    const { order } = this.grid;
    const { series } = this.model;
    if (!order || !series?.header) return;
    const at =
      this.state.filter === null ? (by > 0 ? -1 : order.length) : order.indexOf(series.rowOf(this.state.filter));
    const next = Math.min(Math.max(at + by, 0), order.length - 1);
    this.state.set({ filter: series.numberOf(order[next]) });
  }

  async copyLink() {
    this.state.write();
    const done = await copyAddress();
    this.voice.say(done ? "Link copied" : "The address bar holds the link");
    this.transport.showCopied(done);
  }

  savePng() {
    const scene = this.#scene;
    const detail = this.detail.element.hidden ? null : this.detail;
    if (this.overlook.shown) saveOverview(this.overlook.panel, this.model.chosen.run.run);
    else if (scene) savePng(scene, this.grid.layout, this.toolbar.reading.element.textContent, detail);
  }

  saveCsv() {
    if (this.#scene) saveCsv(this.#scene);
  }

  saveJson() {
    if (this.#scene) saveJson(this.#scene);
  }

  schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    if (!this.element.isConnected || !this.element.clientWidth) return;
    const begin = performance.now();
    const { model, state } = this;
    const nothing = this.#seen && !model.runs.length && !this.#faults.listing;
    this.#showEmpty(nothing);
    const overview = this.overlook.update();
    const layerProblem = overview ? null : model.chosen?.layer.problem;
    this.problems.show([
      this.#faults.listing ?? this.#faults.loading ?? this.overlook.fault,
      model.missing,
      layerProblem,
      ...this.#faults.general,
      ...(overview ? [] : snapshotProblems(model.series)),
    ]);
    const scene = overview ? null : model.scene();
    const { series } = model;
    const hopeless = series?.listed && series.snapshots.every(({ problem }) => problem);
    this.loading.hidden = Boolean(
      nothing || scene || layerProblem || hopeless || this.#faults.listing || (overview && this.overlook.data.answer),
    );
    this.scroller.hidden = !scene;
    this.sidebar.update(model);
    this.#scene = scene && { ...scene, hovered: -1, selected: this.#selected(), evolution: null };
    this.finder.update(this.#scene);
    this.passes.update(this.#scene);
    if (this.#scene) this.#drawScene(begin);
    else this.#hideDetail();
    this.toolbar.update(state, this.#scene);
    this.toolbar.compare.update(model, this.#scene);
    const { list: marks, here, set } = this.marks;
    const map = Boolean(overview && this.overlook.data.answer);
    const story = { ...this.story.of(Boolean(this.#scene)), marks, here, set, map };
    this.transport.update(model, this.#scene, this.player.playing, story);
  }

  #selected() {
    return this.state.filter === null ? -1 : this.model.series.rowOf(this.state.filter);
  }

  #drawScene(begin) {
    const scene = this.#scene;
    const { series, position } = scene;
    const { element } = this;
    element.classList.toggle("with-detail", scene.selected >= 0);
    this.grid.lay(series, scene.order, this.state.tile);
    scene.frame = this.grid.suited(scene.frame);
    if (this.reveal && scene.selected >= 0) this.grid.reveal(scene.selected);
    this.reveal = false;
    this.finder.reveal();
    this.berth.place(this.grid, scene.selected);
    const unfinished = scene.selected >= 0 && this.detail.show(scene, scene.selected);
    if (scene.selected < 0 && this.detail.hide()) this.canvas.focus({ preventScroll: true });
    if (scene.mode === "evolution") {
      const height = this.grid.layout.inner[0].h * (window.devicePixelRatio || 1);
      scene.evolution = scene.view.evolution(height);
      if (scene.evolution?.more) this.schedule();
    }
    showPointed(this, scene);
    this.grid.draw(scene);
    this.overlook.handOver();
    if (unfinished) setTimeout(() => this.schedule(), 320);
    Object.assign(this.canvas.dataset, {
      epoch: series.epoch(position) ?? "",
      step: series.snapshots[position].step,
      ready: scene.exact,
      run: series.run,
      loaded: series.loaded,
      sort: scene.sort,
      mode: scene.mode,
      layer: series.layer.layer,
    });
    if (this.#drawn === null) {
      performance.mark("filterscope:first");
      takeFocus();
    }
    if (this.#drawn !== null && this.#drawn !== position) performance.measure("filterscope:step", { start: begin });
    this.voice.describe(scene);
    this.#drawn = position;
  }

  #hideDetail() {
    this.detail.hide();
    this.tooltip.hide();
    this.element.classList.remove("with-detail");
  }

  #showEmpty(nothing) {
    if (nothing === Boolean(this.empty)) return;
    this.element.classList.toggle("is-empty", nothing);
    this.empty?.remove();
    this.empty = nothing ? emptyState() : null;
    if (this.empty) this.main.append(this.empty);
  }
}
