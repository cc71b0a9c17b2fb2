/** Bookmarks of layer, filter and moment: the address keeps them, for any run that has such a layer. */

/** More make an address that browsers and chats cut off. */
const MOST = 50;

/** @typedef {import("../panels/bookmarks.js").Mark} Mark */

/**
 * Read `step_filter_tag,...`, as `formatMarks` writes it; what cannot be read is left out.
 *
 * @param {string} text
 * @returns {Mark[]}
 */
export function parseMarks(text) {
  const found = new Map();
  for (const part of text.split(",")) {
    const fields = /^(\d{1,15})_(\d{0,9})_(.+)$/s.exec(part);
    if (!fields || found.size === MOST) continue;
    const mark = {
      tag: fields[3].replaceAll("%2C", ",").replaceAll("%25", "%"),
      step: Number(fields[1]),
      filter: fields[2] === "" ? null : Number(fields[2]),
    };
    found.set(textOf(mark), mark);
  }
  return [...found.values()];
}

/** @param {Mark[]} marks @returns {string} */
export function formatMarks(marks) {
  return marks.map(textOf).join(",");
}

function textOf({ tag, step, filter }) {
  return `${step}_${filter ?? ""}_${tag.replaceAll("%", "%25").replaceAll(",", "%2C")}`;
}

const same = (one, other) => textOf(one) === textOf(other);

/** Set, followed and taken away. */
export class Marks {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
  }

  get #all() {
    return parseMarks(this.app.state.marks);
  }

  /** Those of the shown run, each with its layer as the server lists it, in model order, then by time. */
  get list() {
    const layers = this.app.model.chosen?.run.layers ?? [];
    const place = new Map(layers.map((layer, i) => [layer.tag, i]));
    const known = ({ tag, step, filter }) => {
      const layer = layers[place.get(tag)];
      return layer && !layer.problem && step <= layer.max_step && !(filter >= layer.total_filters);
    };
    return this.#all
      .filter(known)
      .sort((a, b) => place.get(a.tag) - place.get(b.tag) || a.step - b.step || (a.filter ?? -1) - (b.filter ?? -1))
      .map((mark) => ({ ...mark, layer: layers[place.get(mark.tag)] }));
  }

  /** The bookmark that what is shown would have; null while nothing is. */
  get here() {
    const { model, state } = this.app;
    const { series, position } = model;
    if (!series?.count || model.overview) return null;
    const filter = series.header && state.filter !== null && series.rowOf(state.filter) >= 0 ? state.filter : null;
    return { tag: series.layer.tag, step: series.snapshots[position].step, filter };
  }

  /** Whether what is shown has one. */
  get set() {
    const { here } = this;
    return here !== null && this.#all.some((mark) => same(mark, here));
  }

  /** Set one for what is shown, or take it away. */
  toggle() {
    const { here, set } = this;
    if (!here) return;
    if (set) {
      this.remove(here);
      return;
    }
    // The oldest makes room.
    this.app.state.set({ marks: formatMarks([...this.#all, here].slice(-MOST)) });
    this.app.voice.say("Bookmark set");
  }

  /** @param {Mark} gone */
  remove(gone) {
    this.app.state.set({ marks: formatMarks(this.#all.filter((mark) => !same(mark, gone))) });
    this.app.voice.say("Bookmark removed");
  }

  /** Show what was marked. @param {Mark} mark */
  go({ tag, step, filter }) {
    this.app.player.stop();
    this.app.state.set({ view: "layer", tag, step, filter });
  }
}
