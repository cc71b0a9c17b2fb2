/** The bar at the bottom: play, scrubber, moment, speed, pin, and what can be taken away. */

import { Bookmarks } from "./bookmarks.js";
import { SPEEDS } from "./choices.js";
import { button, el, ICONS, icon, select, setText } from "./dom.js";
import { timeWords } from "./overview_words.js";
import { Scrubber } from "./scrubber.js";

/**
 * @typedef {object} Story What happened, for the scrubber, and the bookmarks of the run.
 * @property {import("../data/overview.js").Answer | null} own The shown run's overview, as far as it has come.
 * @property {import("../data/overview.js").Answer | null} other Likewise of the run that it is compared with.
 * @property {import("./bookmarks.js").Listed[]} marks
 * @property {import("./bookmarks.js").Mark | null} here What a bookmark set now would be of.
 * @property {boolean} set Whether it is there.
 * @property {boolean} map Whether a picture of all layers can be saved instead of the scene's.
 */

export class Transport {
  /**
   * @param {import("./dom.js").Actions} actions `play`, `seek(position)`, `speed(text)`, `pin`, `newest`, `png`, `csv`,
   *   `json`, `link`, `scalar(name)`, and of bookmarks `mark(mark)` that goes to one, `toggleMark`, `removeMark(mark)`.
   */
  constructor(actions) {
    const tool = (testid, text, title, press) =>
      button({ class: "text-button", "data-testid": testid, title, text }, press);
    this.play = button({ class: "play", "data-testid": "play" }, actions.play);
    this.scrubber = new Scrubber(actions);
    this.bookmarks = new Bookmarks({ go: actions.mark, toggle: actions.toggleMark, remove: actions.removeMark });
    this.now = el("span", { class: "epoch-now" });
    this.last = el("span", { class: "epoch-last" });
    const epoch = el("output", { class: "epoch", "data-testid": "epoch-label" }, this.now, this.last);
    this.note = el("span", { class: "note fine" });
    this.values = el("span", { class: "moment-values fine cut", id: "filterscope-values" });
    this.moment = el("div", { class: "moment" }, epoch, this.note, this.values);
    this.newest = tool("newest", "newest", "Go to the newest snapshot and follow it (End)", actions.newest);
    const name = { "aria-label": "Speed", title: "Speed of playing" };
    /** @type {[string, string][]} */
    const speeds = SPEEDS.map((speed) => [String(speed), `${speed}×`]);
    this.speed = select({ class: "control", "data-testid": "speed", ...name }, speeds, actions.speed);
    this.pin = button({ class: "icon-button", "data-testid": "pin" }, actions.pin, icon(ICONS.pin));
    this.link = tool("copy-link", "Link", "Copy a link that opens this view", actions.link);
    this.savings = [
      tool("save-png", "PNG", "Save this view as a picture", actions.png),
      tool("save-csv", "CSV", "", actions.csv),
      tool("save-json", "JSON", "", actions.json),
    ];
    // All but the bookmarks, the picture and the link are of a layer at a moment.
    for (const one of [this.newest, this.speed, this.pin, ...this.savings.slice(1)]) one.classList.add("of-layer");
    this.element = el(
      "footer",
      { class: "transport" },
      this.play,
      this.scrubber.element,
      this.moment,
      el(
        "div",
        { class: "tools" },
        this.newest,
        this.speed,
        this.pin,
        this.bookmarks.element,
        el("span", { class: "rule of-layer" }),
        ...this.savings,
        this.link,
      ),
    );
    this.#showPlaying(false);
  }

  /** Words on buttons that take the shown moment. */
  #name(unit, onPin) {
    const [, csv, json] = this.savings;
    csv.title = `Save the shown ${unit}'s weights as a table`;
    json.title = `Save the shown ${unit}'s weights and measures`;
    this.pin.title = onPin ? `Unpin this ${unit}` : `Pin this ${unit}, and compare with it (p)`;
    this.pin.setAttribute("aria-label", this.pin.title);
  }

  /** Tell on its button what became of a link. */
  showCopied(done) {
    this.link.textContent = done ? "Copied" : "See address";
    setTimeout(() => (this.link.textContent = "Link"), 1500);
  }

  #showPlaying(playing) {
    if (this.playing === playing) return;
    this.playing = playing;
    this.play.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    this.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.play.title = playing ? "Pause (space)" : "Play (space)";
  }

  /**
   * @param {import("./choices.js").Aim} model
   * @param {import("../views/view.js").Scene | null} scene: what is shown may be the nearest snapshot that has come.
   * @param {boolean} playing
   * @param {Story} story
   */
  update(model, scene, playing, story) {
    const { state, other, position, pinned } = model;
    const series = model.series?.count ? model.series : null;
    this.#showPlaying(playing);
    this.play.disabled = !series || series.count < 2;
    for (const each of [...this.savings, this.pin, this.newest]) each.disabled = !scene;
    if (story.map) this.savings[0].disabled = false;
    const { now, last, note } = momentOf(series, scene, position);
    setText(this.now, now);
    if (this.last.textContent !== last) {
      this.last.textContent = last;
      this.moment.style.setProperty("--digits", String(last.replace(/\D/g, "").length));
    }
    setText(this.note, note);
    this.note.classList.toggle("waiting", Boolean(scene && !scene.exact));
    this.newest.setAttribute("aria-pressed", String(state.step === null));
    this.speed.value = String(state.speed);
    const onPin = pinned >= 0 && pinned === position;
    this.pin.setAttribute("aria-pressed", String(onPin));
    this.#name(series?.unit ?? "epoch", onPin);
    const marks = story.marks.filter(({ tag }) => tag === series?.layer.tag);
    const shown = { series, other, position, pinned, at: scene?.position ?? position, words: `${now} ${last}` };
    setText(this.values, this.scrubber.update(shown, { ...story, marks }));
    const { own } = story;
    this.bookmarks.update(story.marks, story, (step) => (own ? timeWords(own.unit, own.time(step)) : `step ${step}`));
  }
}

/** When what is shown was taken, and the last; the same in the other unit, or that the wanted one has not come yet. */
function momentOf(series, scene, position) {
  if (!series) return { now: "", last: "", note: "" };
  const shown = scene?.position ?? position;
  const [time, newest] = [series.time(shown), series.time(series.count - 1)];
  const last = time !== null && newest !== null ? `/ ${newest}` : "";
  const why = series.snapshots[position].problem
    ? `${series.moment(position)} cannot be shown`
    : `nearest loaded, ${series.loaded} of ${series.count}`;
  const missing = scene && !scene.exact ? why : "";
  const now = series.moment(shown);
  const also = series.moment(shown, series.unit === "step" ? "epoch" : "step");
  return { now, last, note: missing || (also === now ? "" : also) };
}
