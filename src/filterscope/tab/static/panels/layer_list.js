/** The layers of a run: in groups, in an order, sieved by name, each with its rotation so far. */

import { Key } from "../draw/kept.js";
import { drawSpark } from "../draw/spark.js";
import { LAYER_ORDERS } from "./choices.js";
import { button, el, nameOf, select, setText } from "./dom.js";
import { grouped, ordered } from "./layer_groups.js";
import { Sieve } from "./sieve.js";
import { turnedNow } from "./turned.js";
import { deadWords, joined, shortened } from "./words.js";

const SPARK = { w: 58, h: 18 };

export class LayerList {
  #closed = new Set();
  #built = new Key();
  #chosen = null;

  /** @param {import("./dom.js").Actions} actions `layer(tag)`, `layers(order)`. */
  constructor(actions) {
    this.actions = actions;
    this.order = select(
      {
        class: "control small",
        "data-testid": "layer-order",
        "aria-label": "Order of the layers",
        title: "Order of the layers; n and N go to the next and the previous one",
      },
      Object.entries(LAYER_ORDERS),
      actions.layers,
    );
    this.prefix = el("p", { class: "prefix cut", hidden: true });
    this.list = el("div", { class: "layer-list", "data-testid": "layer-list", role: "group", "aria-label": "Layers" });
    this.sieve = new Sieve("layer", this.list, (sieved) => this.#fold(sieved));
    this.element = el(
      "section",
      { class: "side-part" },
      el("div", { class: "side-head" }, el("h2", { text: "Layer" }), this.order),
      this.sieve.element,
      this.prefix,
      this.list,
    );
  }

  /**
   * @param {import("../data/api.js").Layer[]} layers Of the run.
   * @param {import("../data/api.js").Layer | null} chosen One of them.
   * @param {string} order As in the state.
   */
  update(layers, chosen, order) {
    const inOrder = ordered(layers, order);
    if (this.#built.turned(order, JSON.stringify(inOrder.map(({ tag, problem, shape }) => [tag, problem, shape])))) {
      const had = this.sieve.buttons.find((button) => button === document.activeElement)?.dataset.tag;
      this.#build(inOrder, order);
      // A live run changes the order under the user's hands.
      if (had) this.#of(had)?.focus({ preventScroll: true });
    }
    if (order !== this.order.value) this.#chosen = null;
    this.order.value = order;
    this.order.hidden = layers.length < 3;
    const known = new Map(layers.map((layer) => [layer.tag, layer]));
    for (const button of this.sieve.buttons) {
      const layer = known.get(button.dataset.tag);
      button.setAttribute("aria-pressed", String(layer === chosen));
      if (layer) this.#describe(button, layer);
    }
    if (chosen?.tag !== this.#chosen) {
      this.#chosen = chosen?.tag ?? null;
      this.#reveal();
    }
  }

  #of(tag) {
    return this.sieve.buttons.find(({ dataset }) => dataset.tag === tag);
  }

  /** Go to the next layer of the list, or to one before. */
  step(by) {
    const { shown } = this.sieve;
    const here = shown.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    const next = here < 0 ? (by > 0 ? 0 : shown.length - 1) : here + by;
    if (shown[next]) this.actions.layer(shown[next].dataset.tag);
  }

  #build(layers, order) {
    const monitors = [...new Set(layers.map(({ monitor }) => monitor))];
    const items = [];
    const prefixes = [];
    for (const monitor of monitors) {
      const { prefix, groups } = grouped(
        layers.filter((layer) => layer.monitor === monitor),
        order === "change",
      );
      if (monitors.length > 1) {
        const words = prefix ? `${monitor}: ${prefix}.` : monitor;
        items.push(el("h3", { text: shortened(words, 30), title: words }));
      } else prefixes.push(prefix);
      for (const { name, layers: members } of groups) {
        const buttons = members.map((each) => this.#button(each));
        items.push(...(name === null ? buttons : [this.#group(`${monitor} ${prefix} ${name}`, name, buttons)]));
      }
    }
    const [prefix = ""] = prefixes;
    this.prefix.hidden = !prefix;
    setText(this.prefix, `in ${shortened(prefix, 30)}`);
    this.prefix.title = prefix;
    this.list.replaceChildren(...items);
    this.sieve.apply();
  }

  #group(key, name, buttons) {
    const summary = el(
      "summary",
      { title: name, "aria-label": `${name}, ${buttons.length} layers` },
      nameOf(shortened(name, 24)),
      el("span", { class: "group-count", text: String(buttons.length) }),
    );
    const group = el(
      "details",
      { class: "layer-group", "aria-label": name, open: !this.#closed.has(key) },
      summary,
      ...buttons,
    );
    summary.addEventListener("click", () => {
      // It opens or closes after that.
      if (group.open) this.#closed.add(key);
      else this.#closed.delete(key);
    });
    group.dataset.key = key;
    return group;
  }

  #button({ layer, name }) {
    const title = layer.problem ? `${layer.layer}: ${layer.problem}` : layer.layer;
    return button(
      { class: "layer", "data-testid": "layer", "data-layer": layer.layer, "data-tag": layer.tag, title },
      () => this.actions.layer(layer.tag),
      nameOf(shortened(name, 38) || "(no name)"),
      el("canvas", { class: "spark", "aria-hidden": "true" }),
      el("span", { class: "about fine cut" }),
    );
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
    const rotation = turnedNow(layer);
    button.setAttribute(
      "aria-label",
      joined(layer.layer, about.textContent, Number.isFinite(rotation) ? `rotation ${rotation.toPrecision(2)}` : ""),
    );
    drawSpark(button.querySelector("canvas"), layer, SPARK);
  }

  /** Groups without any layer that is looked for are hidden, all others open for as long as one is looked for. */
  #fold(sieved) {
    for (const group of this.list.querySelectorAll("details")) {
      group.hidden = !group.querySelector(".layer:not([hidden])");
      group.open = sieved || !this.#closed.has(group.dataset.key);
    }
  }

  /** The chosen layer is in sight, whatever the user has closed. */
  #reveal() {
    const button = this.#of(this.#chosen);
    const group = button?.closest("details");
    if (group) {
      this.#closed.delete(group.dataset.key);
      group.open = true;
    }
    button?.scrollIntoView({ block: "nearest" });
  }
}
