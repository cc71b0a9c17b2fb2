/** All channels of a filter as heat, with their names: what it is compared with, now, and the difference. */

import { niceTicks, roomFor } from "../draw/axes.js";
import { weightScale } from "../draw/colours.js";
import { Key } from "../draw/kept.js";
import { formatPrecise } from "../numbers/format.js";
import { difference, magnitudes } from "../numbers/rows.js";
import { LANES, largest, slice, steadyLimit } from "./detail_moment.js";
import { el, setText } from "./dom.js";
import { Plot } from "./plot.js";
import { channelName, shortened } from "./words.js";

/** CSS pixels of a row whose name has to be read, and of the whole where channels are numbered only. */
const ROW = 13;
const NUMBERED = 220;
/** CSS pixels left of a pane that has no names. */
const BARE = 6;

export class Channels {
  #key = new Key();
  /** The same arrays for as long as they show the same, so that their pictures are kept. */
  #kept = [];

  constructor() {
    this.panes = [0, 1, 2].map(() => new Plot("", NUMBERED));
    this.title = el("span", { class: "plot-title" });
    this.readout = el("span", { class: "plot-readout" });
    // The panes are too narrow for words of their own.
    for (const pane of this.panes) {
      pane.readout.remove();
      pane.readout = this.readout;
    }
    this.strip = el("div", { class: "panes" }, ...this.panes.map(({ element }) => element));
    this.element = el(
      "div",
      { class: "plot channels", role: "group", "aria-label": "All channels" },
      el("div", { class: "caption" }, this.title, this.readout),
      this.strip,
    );
  }

  /** @param {any} moment As for the other plots. @param {number} width CSS pixels. */
  draw(moment, width) {
    const { series, position, compared } = moment;
    const { header } = series;
    const [, channels, taps] = header.shape;
    const now = slice(moment, series.weights(position));
    const then = slice(moment, compared.weights);
    // A few channels alone have been seen in their lanes.
    this.element.hidden = channels < 2 || taps < 2 || (!then && channels <= LANES && !header.complex);
    if (this.element.hidden) return;
    const real = header.complex ? magnitudes : (values) => values;
    const limit = steadyLimit(moment, now, then);
    if (this.#key.turned(compared.weights, series, series.version, moment.row, position))
      this.#kept = [then && real(then), real(now.slice()), then && real(difference(now, then))];
    const kept = this.#kept;
    const moved = then ? this.#farthest(moment, now, then) : 1;
    const panes = [
      [shortened(compared.words, 24), limit],
      [series.moment(position), limit],
      ["difference", moved || 1],
    ];
    const names = Array.from({ length: channels }, (_, channel) => shortened(channelName(header, channel), 18));
    const named = names[0] !== channelName({}, 0);
    const height = named ? Math.max(channels * ROW, 60) : Math.min(Math.max(channels * ROW, 60), NUMBERED);
    const room = named ? roomFor(names) : roomFor([]);
    const shown = panes.map((_, i) => i).filter((i) => kept[i]);
    const bare = BARE * (shown.length - 1);
    const each = (width - room - bare) / shown.length;
    setText(this.title, header.complex ? "Magnitude · channels ↓ taps →" : "Channels ↓ taps →");
    const sign = header.complex ? "up to " : "±";
    const apart = moved ? `difference ${sign}${formatPrecise(moved, 2)}` : "no difference";
    const rest = `${sign}${formatPrecise(limit, 2)}${then ? `, ${apart}` : ""}`;
    this.panes.forEach((pane, i) => {
      pane.element.hidden = !kept[i];
    });
    // The one under the pointer has the last word.
    for (const i of shown.sort((a, b) => this.#hovered(a) - this.#hovered(b))) {
      const [words, most] = panes[i];
      const first = i === 0 || !then;
      const pane = this.panes[i];
      pane.width = each + (first ? room : BARE);
      pane.element.style.setProperty("--room", `${first ? room : BARE}px`);
      pane.height = height + 26;
      pane.show({
        title: words,
        x: { low: -0.5, high: taps - 0.5, whole: true, format: String, ticks: niceTicks(0, taps - 1, each / 50, true) },
        y: {
          low: 0,
          high: channels,
          down: true,
          room: first ? room : BARE,
          ticks: first ? this.#ticks(channels, named) : [],
          format: (tick) => (named ? names[tick - 0.5] : String(tick - 0.5)),
        },
        heat: { values: kept[i], rows: channels, columns: taps, scale: weightScale(!header.complex, most) },
        still: [kept[i], most, first],
        rest,
        label: `heat map of channels by taps, ${words}`,
        read: (at, y) => {
          const tap = Math.min(Math.max(Math.round(at), 0), taps - 1);
          const channel = Math.min(Math.max(Math.floor(y), 0), channels - 1);
          const three = shown.toSorted().map((k) => formatPrecise(kept[k][channel * taps + tap]));
          return `${names[channel]} · tap ${tap}: ${then ? `${three[0]} → ${three[1]}` : three[0]}`;
        },
      });
    }
  }

  #hovered(i) {
    return Number(this.panes[i].canvas.matches(":hover"));
  }

  #ticks(channels, named) {
    const whole = named ? Array.from({ length: channels }, (_, i) => i) : niceTicks(0, channels - 1, 8, true);
    return whole.map((channel) => channel + 0.5);
  }

  /** The largest difference now and at the end: a scale that stays while scrubbing. */
  #farthest({ series, row }, now, then) {
    const end = series.nearest(series.count - 1);
    return largest(difference(now, then), difference(series.filterWeights(end, row), then));
  }
}
