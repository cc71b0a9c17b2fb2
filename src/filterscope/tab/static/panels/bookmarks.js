/** The list of bookmarks: a button that says how many there are, and what opens above it. */

import { Key } from "../draw/kept.js";
import { button, el, ICONS, icon, setText } from "./dom.js";
import { joined, shortened } from "./words.js";

/**
 * @typedef {object} Mark
 * @property {string} tag Of the layer's filters.
 * @property {number} step Of the snapshot.
 * @property {number | null} filter
 *
 * @typedef {Mark & {layer: any}} Listed With the layer as the server lists it.
 */

export class Bookmarks {
  #key = new Key();

  /** @param {import("./dom.js").Actions} actions `toggle()`, `go(mark)`, `remove(mark)`. */
  constructor(actions) {
    this.actions = actions;
    this.count = el("span", { class: "bookmark-count" });
    const opening = { "data-testid": "bookmarks", popovertarget: "filterscope-bookmarks" };
    this.button = button({ class: "icon-button bookmark-button", ...opening }, null, icon(ICONS.bookmark), this.count);
    this.toggle = button({ class: "text-button", "data-testid": "toggle-mark" }, actions.toggle);
    this.list = el("ul", { class: "bookmark-list" });
    this.none = el("p", { class: "bookmark-none fine", text: "None yet. A link keeps them." });
    this.panel = el(
      "div",
      {
        class: "bookmarks",
        id: "filterscope-bookmarks",
        popover: "auto",
        role: "dialog",
        "aria-label": "Bookmarks",
        "data-testid": "bookmark-list",
      },
      this.toggle,
      this.list,
      this.none,
    );
    this.panel.addEventListener("beforetoggle", ({ newState }) => newState === "open" && this.#place());
    this.element = el("span", { class: "bookmark-part" }, this.button, this.panel);
  }

  /** Above its button, as far right as that goes. */
  #place() {
    const { right, top } = this.button.getBoundingClientRect();
    this.panel.style.right = `${Math.max(window.innerWidth - right - 60, 8)}px`;
    this.panel.style.bottom = `${window.innerHeight - top + 8}px`;
  }

  /**
   * @param {Listed[]} marks
   * @param {{here: Mark | null, set: boolean}} now What a bookmark set now would be of, and whether it is there.
   * @param {(step: number) => string} moment When a step was, in words.
   */
  update(marks, { here, set }, moment) {
    setText(this.count, marks.length ? String(marks.length) : "");
    const name = `Bookmarks: ${marks.length || "none"}`;
    this.button.title = name;
    this.button.setAttribute("aria-label", name);
    setText(this.toggle, set ? "Remove the bookmark of this view (b)" : "Bookmark this view (b)");
    this.toggle.hidden = !here;
    this.none.hidden = marks.length > 0;
    const several = new Set(marks.map(({ layer }) => layer.monitor)).size > 1;
    const words = marks.map(({ layer, filter, step }) => {
      const whole = several ? `${layer.monitor}/${layer.layer}` : layer.layer;
      return joined(shortened(whole, 32), filter === null ? "" : `filter ${filter}`, moment(step));
    });
    if (!this.#key.turned(JSON.stringify([marks.map(({ tag, step, filter }) => [tag, step, filter]), words]))) return;
    /** @type {Element[]} */
    const buttons = [...this.list.querySelectorAll("button")];
    const focused = buttons.indexOf(document.activeElement);
    this.list.replaceChildren(...marks.map((mark, i) => this.#item(mark, words[i])));
    if (focused < 0) return;
    const left = this.list.querySelectorAll("button");
    (left[Math.min(focused, left.length - 1)] ?? this.button).focus();
  }

  #item(mark, words) {
    const go = { class: "bookmark", "data-testid": "bookmark", text: words, title: mark.layer.layer };
    const remove = { class: "icon-button", "data-testid": "remove-bookmark", title: "Remove" };
    return el(
      "li",
      {},
      button(go, () => {
        this.panel.hidePopover();
        this.actions.go(mark);
      }),
      button(
        { ...remove, "aria-label": `Remove the bookmark ${words}` },
        () => this.actions.remove(mark),
        icon(ICONS.close),
      ),
    );
  }
}
