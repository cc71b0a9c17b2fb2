/** All layers of a run: a row each, its changes over time beside it, and a scalar above on the same axis. */

import { paintChanges } from "../draw/changes.js";
import { Key } from "../draw/kept.js";
import { theme } from "../draw/palette.js";
import { drawSpark } from "../draw/spark.js";
import { formatValue } from "../numbers/format.js";
import { cellAt, changeLimits, changeShare, nearestValue } from "../numbers/timeline.js";
import { button, el, ICONS, icon, setText } from "./dom.js";
import { term } from "./glossary.js";
import { helpButton } from "./help.js";
import { scaleParts } from "./legend.js";
import { OverviewRow } from "./overview_row.js";
import { OverviewScalar } from "./overview_scalar.js";
import { deadTimes, findings, timeWords } from "./overview_words.js";
import { commonModules, joined, plural, shortened } from "./words.js";

/** CSS pixels of a row at the least and at the most. */
const ROW = { least: 20, most: 56 };
const SPARK = { w: 54, h: 18 };

export class OverviewPanel {
  #rows = [];
  #key = new Key();
  #built = new Key();
  #active = 0;
  #at = null;
  #shown = null;

  /** @param {import("./dom.js").Actions} actions `go(tag, step)` (`null`: the newest), `scalar(name)`, `menu`, `help`. */
  constructor(actions) {
    this.actions = actions;
    this.title = el("h1", { text: "All layers" });
    this.about = el("span", { class: "overview-about" });
    this.findings = el("ul", { class: "findings", "aria-label": "What happened" });
    this.legend = el("div", { class: "legend-scale" });
    this.deadKey = el("span", { class: "overview-dead-key", text: "has dead filters", hidden: true });
    this.scalar = new OverviewScalar((name) => actions.scalar(name));
    this.list = el("div", {
      class: "overview-rows",
      role: "table",
      "aria-label": "Layers and their changes over time",
    });
    this.cursor = el("div", { class: "overview-cursor", hidden: true });
    this.tip = el("div", { class: "overview-tip", "aria-hidden": "true", "data-testid": "overview-tip", hidden: true });
    this.words = el("p", { class: "overview-note", hidden: true });
    const menu = button({ class: "icon-button menu", "aria-label": "Runs" }, actions.menu, icon(ICONS.menu));
    this.scroller = el("div", { class: "overview-scroller" }, this.scalar.element, this.list, this.cursor);
    this.head = el(
      "header",
      { class: "overview-head" },
      el("div", { class: "overview-title" }, menu, this.title, this.about, helpButton(actions.help)),
      this.findings,
      el(
        "div",
        { class: "legend overview-legend fine" },
        this.deadKey,
        el("span", { class: "legend-name" }, term("change"), " since the snapshot before"),
        this.legend,
      ),
    );
    this.element = el(
      "section",
      { class: "overview", "data-testid": "overview", "aria-label": "All layers", hidden: true },
      this.head,
      this.words,
      this.scroller,
      this.tip,
    );
    this.scroller.addEventListener("pointerleave", () => this.#point(null));
    this.scroller.addEventListener("scroll", () => this.#point(null), { passive: true });
  }

  /** Give the keyboard to the row that had it last. */
  focus() {
    this.#rows[this.#active]?.focus();
  }

  /**
   * @param {import("../data/api.js").Run} run The chosen one.
   * @param {import("../data/overview.js").Overview["answer"]} answer
   * @param {{tag: string | null, live: boolean}} more The layer looked at last, and whether the run goes on.
   */
  update(run, answer, { tag, live }) {
    const { clientWidth, clientHeight } = this.scroller;
    const { devicePixelRatio } = window;
    if (!clientWidth || !this.#key.turned(run, answer, theme.name, clientWidth, clientHeight, devicePixelRatio, live))
      return;
    const several = new Set(run.layers.map(({ monitor }) => monitor)).size > 1;
    const names = run.layers.map(({ monitor, layer }) => (several ? `${monitor}/${layer}` : layer));
    const within = commonModules(names);
    const rows = run.layers.map((layer, i) => {
      const name = names[i];
      return { name, brief: name.slice(within.length), layer, change: changesOf(layer, answer) };
    });
    const changed = rows.map(({ change }) => change).filter(Boolean);
    this.#shown = { rows, answer, limits: changeLimits(changed) };
    this.#build(rows, run.run, tag);
    this.#describe(run, rows, within, live);
    this.#legend();
    const room = clientHeight - this.scalar.element.offsetHeight - 6;
    const height = Math.floor(Math.min(Math.max(room / rows.length, ROW.least), ROW.most));
    this.list.style.setProperty("--row", `${height}px`);
    this.#paint();
  }

  #build(rows, run, tag) {
    if (!this.#built.turned(run, ...rows.map(({ layer }) => layer.tag))) return;
    this.#rows = rows.map(
      ({ layer }, i) =>
        new OverviewRow(layer.tag, {
          point: (event, share) => this.#point(i, event, this.#cellAtShare(i, share)),
          leave: () => this.#point(null),
          focus: () => this.#focused(i),
          pick: (share) => this.#go(i, share === null ? null : this.#cellAtShare(i, share)),
          key: (event) => this.#press(event, i),
        }),
    );
    this.list.replaceChildren(...this.#rows.map(({ element }) => element));
    const chosen = rows.findIndex(({ layer }) => layer.tag === tag);
    this.#active = Math.max(chosen, 0);
    this.#rows[this.#active].reachable(true);
    this.#at = null;
  }

  #describe({ run, layers }, rows, within, live) {
    const { answer } = this.#shown;
    const last = timeWords(answer.unit, answer.axis.high);
    const count = plural(layers.length, "layer") + (within ? ` in ${shortened(within.slice(0, -1), 40)}` : "");
    setText(this.about, joined(shortened(run, 40), count, `up to ${last}`, live ? "live" : ""));
    const named = rows.map((row) => ({ ...row, name: shortened(row.brief, 34) }));
    this.findings.replaceChildren(
      ...findings(named, answer.unit, answer.time).map(({ text, row, step }) => {
        const go = () => this.#go(row, step === null ? null : this.#cellOfStep(row, step));
        return el("li", {}, button({ class: "finding", text }, go));
      }),
    );
    const bare = rows.filter(({ change }) => !change).length;
    const whose =
      bare === rows.length
        ? "These layers have"
        : `${plural(bare, "layer")} of ${rows.length} ${bare > 1 ? "have" : "has"}`;
    this.words.hidden = !bare;
    this.deadKey.hidden = !layers.some(({ dead }) => dead.some(([, share]) => share > 0));
    setText(this.words, bare ? `${whose} no change logged yet: it comes with the second snapshot.` : "");
  }

  #legend() {
    const [low, high] = this.#shown.limits;
    const ticks = [low, high];
    for (let power = Math.ceil(Math.log10(low)); 10 ** power < high; power++) {
      const share = changeShare(10 ** power, [low, high]);
      if (share > 0.25 && share < 0.8) ticks.splice(-1, 0, 10 ** power);
    }
    const placed = ticks.map((value) => [changeShare(value, [low, high]), formatValue(value)]);
    this.legend.replaceChildren(...scaleParts("change", placed));
  }

  #paint() {
    const { rows, answer, limits } = this.#shown;
    const { strip } = this.#rows[0];
    const size = { w: strip.clientWidth, h: strip.clientHeight };
    rows.forEach(({ name, brief, layer, change }, i) => {
      const row = this.#rows[i];
      row.describe(name, brief, layer);
      drawSpark(row.spark, layer, SPARK);
      if (size.w) paintChanges(row.canvas, size, change, deadTimes(layer, answer.time), answer.axis, limits);
      row.tell(this.#here(i), change, (cell) => this.#say(i, cell));
    });
    const left = strip.getBoundingClientRect().left - this.scroller.getBoundingClientRect().left;
    this.scalar.draw(answer, { left, width: size.w });
  }

  #cellAtShare(i, share) {
    const { rows, answer } = this.#shown;
    const { change } = rows[i];
    if (!change) return -1;
    const { low, high } = answer.axis;
    const each = (high - low) / Math.max(this.#rows[i].strip.clientWidth, 1);
    const from = low + share * (high - low) - each / 2;
    // A column of pixels shows its largest change, which is then what it tells of and where it leads.
    let best = cellAt(change.times, from);
    for (let k = best + 1; k < change.times.length && change.times[k - 1] < from + each; k++) {
      if (change.values[k] === null || change.values[k] > change.values[best]) best = k;
    }
    return best;
  }

  #cellOfStep(i, step) {
    const { change } = this.#shown.rows[i];
    return change ? cellAt(change.steps, step) : -1;
  }

  #go(i, cell) {
    const { layer, change } = this.#shown.rows[i];
    const step = cell === null || cell < 0 ? null : change.steps[cell];
    this.#point(null);
    this.actions.go(layer.tag, step !== null && step >= layer.max_step ? null : step);
  }

  #say(i, cell) {
    const { rows, answer } = this.#shown;
    const { name, change } = rows[i];
    if (cell < 0) return `${name}: no change logged`;
    const value = change.values[cell];
    const time = change.times[cell];
    const also = answer.unit === "epoch" ? `step ${change.steps[cell]}` : "";
    const scalar = answer.scalar === null ? null : nearestValue(answer.curve, time);
    const beside = scalar === null ? "" : `${shortened(answer.scalar, 30)} ${formatValue(scalar)}`;
    const words = value === null ? "change is no number" : `change ${formatValue(value)}`;
    return joined(name, timeWords(answer.unit, time), also, words, beside);
  }

  /** Show what a cell says beside the pointer or, without one, beside the cell. */
  #point(i, event = null, cell = -1) {
    this.tip.hidden = i === null;
    this.cursor.hidden = i === null || cell < 0;
    if (i === null) return;
    const { rows, answer } = this.#shown;
    setText(this.tip, this.#say(i, cell));
    const strip = this.#rows[i].strip.getBoundingClientRect();
    const time = cell < 0 ? answer.axis.low : rows[i].change.times[cell];
    const x = strip.left + ((time - answer.axis.low) / (answer.axis.high - answer.axis.low)) * strip.width;
    const frame = this.scroller.getBoundingClientRect();
    this.cursor.style.transform = `translateX(${x - frame.left}px)`;
    this.cursor.style.height = `${this.scalar.element.offsetHeight + this.list.offsetHeight}px`;
    const [left, top] = event ? [event.clientX, event.clientY] : [x, strip.bottom - 14];
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const { clientWidth, clientHeight } = document.documentElement;
    const down = top + height + 26 > clientHeight ? top - height - 12 : top + 18;
    this.tip.style.transform = `translate(${Math.max(Math.min(left + 14, clientWidth - width - 6), 6)}px, ${down}px)`;
  }

  #focused(i) {
    this.#rows[this.#active].reachable(false);
    this.#active = i;
    this.#rows[i].reachable(true);
    this.#move(i, this.#here(i));
  }

  /** The cell that the keyboard is at in a row: the last one at first, -1 without any changes. */
  #here(i) {
    const last = (this.#shown.rows[i].change?.times.length ?? 0) - 1;
    return Math.min(this.#at ?? last, last);
  }

  #move(i, cell) {
    const { change } = this.#shown.rows[i];
    if (change) this.#at = cell;
    this.#rows[i].tell(cell, change, (at) => this.#say(i, at));
    this.#point(i, null, cell);
  }

  #press(event, i) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = (this.#shown.rows[i].change?.times.length ?? 0) - 1;
    const at = this.#here(i);
    const rows = { ArrowUp: i - 1, ArrowDown: i + 1 };
    const cells = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 10, PageDown: at + 10, Home: 0, End: last };
    if (event.key === "Enter") this.#go(i, at);
    else if (event.key in rows) this.#rows[rows[event.key]]?.focus();
    else if (event.key in cells) this.#move(i, Math.min(Math.max(cells[event.key], Math.min(0, last)), last));
    else return;
    event.preventDefault();
  }
}

/** Its changes over time, and when they begin; null where none was logged. */
function changesOf(layer, answer) {
  const found = answer.layers.get(layer.tag);
  if (!found) return null;
  const start = answer.time(layer.dead[0]?.[0] ?? found.steps[0]);
  return { ...found, start: Math.min(start, found.times[0]) };
}
