/** Runs, the layers of one, and what to compare with. */

import { theme } from "../draw/palette.js";
import { el } from "./dom.js";
import { LayerList } from "./layer_list.js";
import { Sieve } from "./sieve.js";
import { shortened } from "./words.js";

/** A run is live for as long as three snapshots usually take after its last one, but for so many seconds at least,
 * since it takes TensorBoard some to load what was written; and for so many while it has a single one. */
const LEAST = 20;
const ALONE = 90;

export class Sidebar {
  #built = "";
  #offered = "";
  #seen = [];

  /** @param {import("./dom.js").Actions} actions `run(name)`, `layer(tag)`, `layers(order)`, `compare(choice)`. */
  constructor(actions) {
    this.actions = actions;
    this.runs = el("div", { class: "run-list", role: "group", "aria-label": "Runs" });
    this.sieve = new Sieve(
      "run",
      () => this.#sieve(),
      () => [...this.runs.querySelectorAll("button")].find(({ hidden }) => !hidden)?.click(),
    );
    this.layers = new LayerList(actions);
    this.compare = el("select", {
      class: "control wide",
      id: "filterscope-compare",
      "data-testid": "compare",
      title: "What lies in pale behind every filter",
      on: { change: () => actions.compare(this.compare.value) },
    });
    this.element = el(
      "nav",
      { class: "sidebar", "aria-label": "Runs and layers" },
      el("section", { class: "side-part" }, el("h2", { text: "Run" }), this.sieve.element, this.runs),
      this.layers.element,
      el("label", { class: "compare" }, el("h2", { text: "Compare with" }), this.compare),
    );
  }

  /** @param {import("./choices.js").Aim} model */
  update(model) {
    const { runs, chosen } = model;
    this.#offer(model);
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
          el("span", { class: "name", text: shortened(run, 30) || "(no name)" }),
          el("span", { class: "live", text: "live", hidden: true }),
        ),
      ),
    );
    this.#sieve();
  }

  #sieve() {
    this.sieve.apply([...this.runs.querySelectorAll("button")], (button) => button.dataset.run);
  }

  #offer(model) {
    const { state, series, pinned } = model;
    const choices = [
      ["initial", "initial filters"],
      ["none", "nothing"],
    ];
    if (pinned >= 0) choices.splice(1, 0, ["pinned", `pinned: ${series.moment(pinned)}`]);
    for (const { run } of model.rivals()) choices.push([`run:${run}`, `run ${shortened(run, 40)}`]);
    const key = JSON.stringify(choices);
    if (key !== this.#offered) {
      this.#offered = key;
      this.compare.replaceChildren(...choices.map(([value, text]) => el("option", { value, text })));
    }
    this.compare.value = choices.some(([value]) => value === state.compare) ? state.compare : "initial";
  }
}

/** Whether the next snapshot may still come: how a fit ends is not recorded, and some just die. */
export function isLive({ latest, interval }, now) {
  return now - latest < (interval === null ? ALONE : Math.max(LEAST, 3 * interval));
}
