/** What can be gone to on the scrubber: the moments of largest change, and bookmarks. All of them are buttons. */

import { momentWords } from "../data/story.js";
import { Key } from "../draw/kept.js";
import { INSET, placesOn } from "../draw/tracks.js";
import { formatValue } from "../numbers/format.js";
import { largestMoments, spread } from "../numbers/moments.js";
import { button, el } from "./dom.js";

const RANKS = ["largest change", "second largest change", "third largest change"];
/** CSS pixels from one to the next, however close their moments are. */
const APART = { moment: 12, mark: 8 };

export class Signs {
  #key = new Key();
  #moments = [];
  #track = null;

  /** @param {import("./dom.js").Actions} actions `seek(position)`, `mark(mark)`. */
  constructor(actions) {
    this.actions = actions;
    this.peaks = RANKS.map((_, i) =>
      button({ class: "sign moment-sign", "data-testid": "moment", hidden: true }, () =>
        actions.seek(this.#moments[i].position),
      ),
    );
    this.bookmarks = el("div", {});
    this.element = el("div", { class: "signs" }, ...this.peaks, this.bookmarks);
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * @param {import("../data/series.js").Series} series
   * @param {import("../numbers/moments.js").Track} track
   * @param {number} position The shown one.
   * @param {import("./bookmarks.js").Mark[]} marks Bookmarks of the layer.
   * @param {number} width CSS pixels.
   */
  update(series, track, position, marks, width) {
    this.element.hidden = false;
    if (track !== this.#track) {
      this.#track = track;
      this.#moments = largestMoments(track.own.changes, series.count, RANKS.length).map(([place, value]) => ({
        position: Math.round(place),
        value,
      }));
    }
    const at = placesOn(width, series.count);
    const lefts = spread(
      this.#moments.map((moment) => at(moment.position)),
      APART.moment,
      width - INSET,
    );
    this.peaks.forEach((sign, i) => {
      const moment = this.#moments[i];
      sign.hidden = !moment;
      if (!moment) return;
      const words = `${RANKS[i]}: ${momentWords(series, track, moment.position)}`;
      sign.setAttribute("aria-label", words);
      sign.title = `${words}, ${formatValue(moment.value)}`;
      sign.style.left = `${lefts[i]}px`;
      sign.dataset.position = moment.position;
      sign.setAttribute("aria-current", String(moment.position === position));
    });
    this.#showMarks(series, track, marks, at, width);
  }

  #showMarks(series, track, marks, at, width) {
    const placed = marks.map((mark) => ({ mark, position: series.positionOfStep(mark.step) }));
    const words = placed.map(({ mark, position }) => {
      const moment = momentWords(series, track, position);
      return `Bookmark: ${mark.filter === null ? "" : `filter ${mark.filter}, `}${moment}`;
    });
    if (!this.#key.turned(JSON.stringify([words, marks]), width, series.count)) return;
    const lefts = spread(
      placed.map(({ position }) => at(position)),
      APART.mark,
      width - INSET,
    );
    const buttons = placed.map(({ mark }, i) => {
      const name = { title: words[i], "aria-label": words[i] };
      const sign = button({ class: "sign mark-sign", "data-testid": "mark", ...name }, () => this.actions.mark(mark));
      sign.style.left = `${lefts[i]}px`;
      return sign;
    });
    this.bookmarks.replaceChildren(...buttons);
  }
}
