/** Runs, and the layers of one. */

import { theme } from "../draw/palette.js";
import { el, nameOf } from "./dom.js";
import { LayerList } from "./layer_list.js";
import { Sieve } from "./sieve.js";
import { joined, shortened } from "./words.js";

/** A run is live for as long as three snapshots usually take after its last one, but for so many seconds at least,
 * since it takes TensorBoard some to load what was written; and for so many while it has a single one. */
const LEAST = 20;
const ALONE = 90;

export class Sidebar {
  #built = "";
  #seen = [];

  /** @param {import("./dom.js").Actions} actions `run(name)`, `layer(tag)`, `layers(order)`. */
  constructor(actions) {
    this.actions = actions;
    this.runs = el("div", { class: "run-list", role: "group", "aria-label": "Runs" });
    this.sieve = new Sieve(
      "run",
      () => this.#sieve(),
      () => [...this.runs.querySelectorAll("button")].find(({ hidden }) => !hidden)?.click(),
    );
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
    const seen = [runs, chosen?.run, chosen?.layer, model.state.layers, theme.name, Math.floor(Date.now() / 10_000)];
    if (seen.every((value, i) => value === this.#seen[i])) return;
    this.#seen = seen;
    const key = JSON.stringify(runs.map(({ run }) => run));
    if (key !== this.#built) {
      this.#built = key;
      this.#build(runs);
    }
    const now = Date.now() / 1000;
    for (const button of this.runs.querySelectorAll("button")) {
      const run = runs.find((each) => each.run === button.dataset.run);
      button.setAttribute("aria-pressed", String(run === chosen?.run));
      const live = run?.layers.some((layer) => isLive(layer, now));
      button.querySelector(".live").toggleAttribute("hidden", !live);
      button.setAttribute("aria-label", joined(button.dataset.run || "(no name)", live && "live"));
    }
    this.layers.update(chosen?.run.layers ?? [], chosen?.layer ?? null, model.state.layers);
  }

  #build(runs) {
    this.runs.replaceChildren(
      ...runs.map(({ run }) =>
        el(
          "button",
          {
            class: "run",
            type: "button",
            "data-testid": "run",
            "data-run": run,
            title: run,
            on: { click: () => this.actions.run(run) },
          },
          nameOf(shortened(run, 38) || "(no name)"),
          el("span", { class: "live", text: "live", hidden: true }),
        ),
      ),
    );
    this.#sieve();
  }

  #sieve() {
    this.sieve.apply([...this.runs.querySelectorAll("button")], (button) => button.dataset.run);
  }
}

/** Whether the next snapshot may still come: how a fit ends is not recorded, and some just die. */
export function isLive({ latest, interval }, now) {
  return now - latest < (interval === null ? ALONE : Math.max(LEAST, 3 * interval));
}
