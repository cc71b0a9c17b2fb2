/** The overview of a run in the page: when it is shown, what it asks for, and where it leads. */

import { Overview } from "../data/overview.js";
import { OverviewPanel } from "../panels/overview.js";
import { isLive } from "../panels/sidebar.js";

export class Overlook {
  #first = true;
  /** Whether the layer has yet to take the keyboard over, which it cannot before it is in sight. */
  #owed = false;

  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.data = new Overview(() => app.schedule());
    this.panel = new OverviewPanel({
      go: (tag, step) => app.state.set({ view: "layer", tag, step, filter: null }),
      scalar: (scalar) => app.state.set({ scalar }),
      help: () => app.help.open(),
      menu: () => app.element.classList.toggle("menu-open"),
    });
  }

  get fault() {
    return this.shown ? this.data.fault : null;
  }

  /** Whether it is what the user looks at. */
  get shown() {
    return this.app.model.overview;
  }

  /** Show it, or the layer instead. */
  toggle() {
    const shown = !this.shown;
    this.app.state.set({ view: shown ? "overview" : "layer" });
    if (shown) this.app.player.stop();
  }

  /** Once the layer is in sight: give it the keyboard, if that was here. */
  handOver() {
    if (this.#owed && document.activeElement === document.body) this.app.canvas.focus({ preventScroll: true });
    this.#owed = false;
  }

  /** @returns {boolean} Whether it has taken the place of the layer. */
  update() {
    const { model, state, element } = this.app;
    const { shown, panel } = this;
    const turned = panel.element.hidden === shown;
    const had = document.activeElement;
    panel.element.hidden = !shown;
    element.classList.toggle("in-overview", shown);
    element.classList.toggle("one-run", model.runs.length === 1);
    if (!shown) {
      this.#owed ||= turned && (had === document.body || panel.element.contains(had));
      return false;
    }
    const { run } = model.chosen;
    state.open({ run: run.run });
    this.data.want(run.run, state.scalar);
    const { answer } = this.data;
    panel.scroller.hidden = !answer;
    if (!answer) return true;
    const now = Date.now() / 1000;
    panel.update(run, answer, { tag: state.tag, live: run.layers.some((layer) => isLive(layer, now)) });
    if (this.#first) {
      this.#first = false;
      performance.mark("filterscope:overview");
    }
    if (turned && !had?.checkVisibility()) panel.focus();
    return true;
  }
}
