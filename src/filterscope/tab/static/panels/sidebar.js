/** Runs, and the layers of one. */

import { Key } from "../draw/kept.js";
import { theme } from "../draw/palette.js";
import { button, el, nameOf } from "./dom.js";
import { LayerList } from "./layer_list.js";
import { Sieve } from "./sieve.js";
import { joined, shortened } from "./words.js";

/** A run is live for as long as three snapshots usually take after its last one, but for so many seconds at least,
 * since it takes TensorBoard some to load what was written; and for so many while it has a single one. */
const LEAST = 20;
const ALONE = 90;

export class Sidebar {
  #built = new Key();
  #seen = new Key();

  /** @param {import("./dom.js").Actions} actions `run(name)`, `layer(tag)`, `layers(order)`. */
  constructor(actions) {
    this.actions = actions;
    this.runs = el("div", { class: "run-list", role: "group", "aria-label": "Runs" });
    this.sieve = new Sieve("run", this.runs);
    this.layers = new LayerList(actions);
    this.element = el(
      "nav",
      { class: "sidebar", "aria-label": "Runs and layers" },
      el("section", { class: "side-part" }, el("h2", { text: "Run" }), this.sieve.element, this.runs),
      this.layers.element,
    );
  }

  /** @param {import("./choices.js").Aim} model */
  update(model) {
    const { runs, chosen } = model;
    // Scrubbing changes nothing here.
    const lately = Math.floor(Date.now() / 10_000);
    if (!this.#seen.turned(runs, chosen?.run, chosen?.layer, model.state.layers, theme.name, lately)) return;
    if (this.#built.turned(...runs.map(({ run }) => run))) this.#build(runs);
    const now = Date.now() / 1000;
    for (const element of this.sieve.buttons) {
      const run = runs.find((each) => each.run === element.dataset.run);
      element.setAttribute("aria-pressed", String(run === chosen?.run));
      const live = run?.layers.some((layer) => isLive(layer, now));
      element.querySelector(".live").toggleAttribute("hidden", !live);
      element.setAttribute("aria-label", joined(element.dataset.run || "(no name)", live && "live"));
    }
    this.layers.update(chosen?.run.layers ?? [], chosen?.layer ?? null, model.state.layers);
  }

  #build(runs) {
    this.runs.replaceChildren(
      ...runs.map(({ run }) =>
        button(
          { class: "run", "data-testid": "run", "data-run": run, title: run },
          () => this.actions.run(run),
          nameOf(shortened(run, 38) || "(no name)"),
          el("span", { class: "live", text: "live", hidden: true }),
        ),
      ),
    );
    this.sieve.apply();
  }
}

/** Whether the next snapshot may still come: how a fit ends is not recorded, and some just die. */
export function isLive({ latest, interval }, now) {
  return now - latest < (interval === null ? ALONE : Math.max(LEAST, 3 * interval));
}
