/** The choice of what filters are compared with: colours, order, pale curves and differences follow it. */

import { comparable, stepsBack } from "../data/against.js";
import { Key } from "../draw/kept.js";
import { el, setText } from "./dom.js";
import { shortened } from "./words.js";

const TITLE = "What colours, differences and pale curves are measured from";
/** Snapshots back at first, if there are as many. */
const BACK = 10;

export class Compare {
  #offered = new Key();

  /** @param {(choice: string) => void} choose Told the choice as the address keeps it. */
  constructor(choose) {
    this.select = el("select", {
      class: "control",
      "data-testid": "compare",
      "aria-describedby": "filterscope-compare-why",
      on: { change: () => choose(this.select.value === "back" ? `back:${this.back.value}` : this.select.value) },
    });
    this.back = el("input", {
      class: "control compare-back",
      type: "number",
      min: 1,
      step: 1,
      value: BACK,
      "data-testid": "compare-back",
      "aria-label": "How many snapshots back",
      title: "How many snapshots back",
      hidden: true,
      on: {
        input: () => {
          const count = Number(this.back.value);
          if (Number.isInteger(count) && count > 0 && count < 1e6) choose(`back:${count}`);
        },
      },
    });
    this.why = el("span", { class: "unseen", id: "filterscope-compare-why" });
    this.element = el(
      "div",
      { class: "sorting" },
      el("label", { class: "labelled" }, el("span", { text: "Compare with" }), this.select),
      this.back,
      this.why,
    );
  }

  /**
   * @param {any} model The page's: the series, what is pinned of it, and the same layer in other runs.
   * @param {import("../views/view.js").Scene | null} scene
   */
  update(model, scene) {
    const { series, pinned } = model;
    const rivals = model.rivals().map(({ run, layer }) => ({ run, fits: comparable(layer, model.chosen?.layer) }));
    const count = series?.count ?? 0;
    const alone = count < 2;
    const learning = scene?.mode === "change";
    /** @type {[string, string, boolean][]} */
    const others = rivals.map(({ run, fits }) => [
      `run:${run}`,
      `run ${shortened(run, 40)}${fits ? "" : " (another shape)"}`,
      !fits,
    ]);
    this.#offer([
      ["initial", "initial filters", false],
      ["previous", "previous snapshot", alone],
      ["back", "snapshots back:", alone],
      ["pinned", pinned >= 0 ? `pinned: ${series.moment(pinned)}` : `pin this ${series?.unit ?? "epoch"}`, false],
      ...others,
      ["none", learning ? "nothing (leaves no difference)" : "nothing", learning],
    ]);
    const why = reason(scene, alone && !rivals.some(({ fits }) => fits));
    this.select.disabled = Boolean(why) || !scene;
    this.select.title = why || TITLE;
    setText(this.why, why);
    const choice = scene?.compared.choice ?? "initial";
    const back = choice !== "previous" && stepsBack(choice);
    this.select.value = back ? "back" : choice;
    this.back.hidden = !back;
    this.back.max = String(Math.max(count - 1, 1));
    if (back && document.activeElement !== this.back) this.back.value = String(back);
    else if (!back) this.back.value = String(Math.min(BACK, Math.max(count - 1, 1)));
  }

  /** @param {[string, string, boolean][]} choices Value, words, and whether it would have no effect. */
  #offer(choices) {
    if (!this.#offered.turned(JSON.stringify(choices))) return;
    this.select.replaceChildren(...choices.map(([value, text, disabled]) => el("option", { value, text, disabled })));
  }
}

/** Why there is no choice; empty if there is. */
function reason(scene, alone) {
  if (scene?.mode === "evolution")
    return `Shows the whole training: always from the initial filters, ${scene.series.unit} by ${scene.series.unit}`;
  return scene && alone ? "There is one snapshot so far, and nothing to compare it with" : "";
}
