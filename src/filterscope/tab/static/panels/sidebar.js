/** Runs, and layers in model order with their rotation so far. */

import { theme } from "../draw/palette.js";
import { drawSpark } from "../draw/spark.js";
import { el } from "./dom.js";
import { deadWords, joined, shortened } from "./words.js";

const SPARK = { w: 58, h: 18 };
/** A run is live for as long as three snapshots usually take after its last one, but for so many seconds at least,
 * since it takes TensorBoard some to load what was written; and for so many while it has a single one. */
const LEAST = 20;
const ALONE = 90;

export class Sidebar {
  #built = "";
  #seen = [];
  #sparks = new Map();

  /** @param {import("./dom.js").Actions} actions `run(name)`, `layer(tag)`. */
  constructor(actions) {
    this.actions = actions;
    this.runs = el("div", { class: "run-list", role: "group", "aria-label": "Runs" });
    this.layers = el("div", {
      class: "layer-list",
      "data-testid": "layer-list",
      role: "group",
      "aria-label": "Layers",
    });
    this.element = el(
      "nav",
      { class: "sidebar", "aria-label": "Runs and layers" },
      el("h2", { text: "Run" }),
      this.runs,
      el("h2", { text: "Layer" }),
      this.layers,
    );
  }

  /** @param {import("./choices.js").Aim} model */
  update(model) {
    const { runs, chosen } = model;
    // Scrubbing changes nothing here.
    const seen = [runs, chosen?.run, chosen?.layer, theme.name, Math.floor(Date.now() / 10_000)];
    if (seen.every((value, i) => value === this.#seen[i])) return;
    this.#seen = seen;
    const key = JSON.stringify([
      runs.map(({ run }) => run),
      chosen?.run.layers.map(({ tag, problem, shape }) => [tag, problem, shape]),
      chosen?.run.run,
    ]);
    if (key !== this.#built) {
      this.#built = key;
      this.#build(runs, chosen);
    }
    const now = Date.now() / 1000;
    for (const button of this.runs.querySelectorAll("button")) {
      const run = runs.find((each) => each.run === button.dataset.run);
      button.setAttribute("aria-pressed", String(run === chosen?.run));
      const live = run?.layers.some((layer) => isLive(layer, now));
      button.querySelector(".live").toggleAttribute("hidden", !live);
    }
    for (const button of this.layers.querySelectorAll("button")) {
      const layer = chosen?.run.layers.find(({ tag }) => tag === button.dataset.tag);
      button.setAttribute("aria-pressed", String(layer === chosen?.layer));
      if (layer) this.#describe(button, layer);
    }
  }

  #build(runs, chosen) {
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
    const layers = chosen?.run.layers ?? [];
    const monitors = new Set(layers.map(({ monitor }) => monitor));
    let monitor = null;
    const items = [];
    for (const layer of layers) {
      if (monitors.size > 1 && layer.monitor !== monitor) {
        monitor = layer.monitor;
        items.push(el("h3", { text: shortened(monitor, 30), title: monitor }));
      }
      items.push(this.#layerButton(layer));
    }
    this.layers.replaceChildren(...items);
  }

  #layerButton(layer) {
    const spark = el("canvas", { class: "spark", "aria-hidden": "true" });
    const button = el(
      "button",
      {
        class: "layer",
        type: "button",
        "data-testid": "layer",
        "data-layer": layer.layer,
        "data-tag": layer.tag,
        title: layer.problem ? `${layer.layer}: ${layer.problem}` : layer.layer,
        on: { click: () => this.actions.layer(layer.tag) },
      },
      el("span", { class: "name", text: shortened(layer.layer, 27) || "(no name)" }),
      spark,
      el("span", { class: "about" }),
    );
    this.#sparks.set(button, spark);
    return button;
  }

  #describe(button, layer) {
    const dead = layer.dead.length ? Math.round(layer.dead.at(-1)[1] * layer.total_filters) : null;
    const about = button.querySelector(".about");
    const [filters, channels, taps] = layer.shape ?? [];
    about.textContent = layer.problem
      ? "damaged"
      : joined(
          `${layer.total_filters} × ${channels} × ${taps}`,
          filters < layer.total_filters ? `${filters} shown` : "",
          deadWords(dead, layer.total_filters),
        );
    about.classList.toggle("warn", Boolean(layer.problem || dead));
    const rotation = layer.rotation.at(-1)?.[1];
    button.setAttribute(
      "aria-label",
      joined(layer.layer, about.textContent, rotation === undefined ? "" : `rotation ${rotation.toPrecision(2)}`),
    );
    drawSpark(this.#sparks.get(button), layer.rotation, SPARK);
  }
}

/** Whether the next snapshot may still come: how a fit ends is not recorded, and some just die. */
export function isLive({ latest, interval }, now) {
  return now - latest < (interval === null ? ALONE : Math.max(LEAST, 3 * interval));
}
