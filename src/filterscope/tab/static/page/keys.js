/** Keys, wherever the focus is outside of text: the one table of them, which the page of keys lists as it stands. */

import { MODES } from "../panels/choices.js";
import { nextSize } from "../views/layout.js";

/**
 * What keys do: words for all keys of a line, and each one's action.
 *
 * @type {{words: string, keys: Record<string, (app: import("./app.js").App) => void>, everywhere?: boolean}[]}
 *   `everywhere`: in the overview, too, whose rows have keys of their own.
 */
export const KEYS = [
  {
    words: "one snapshot back, one on",
    keys: {
      ArrowLeft: (app) => app.seek(app.model.position - 1),
      ArrowRight: (app) => app.seek(app.model.position + 1),
    },
  },
  {
    words: "ten snapshots back, ten on",
    keys: {
      PageUp: (app) => app.seek(app.model.position - 10),
      PageDown: (app) => app.seek(app.model.position + 10),
    },
  },
  { words: "first snapshot, newest one", keys: { Home: (app) => app.seek(0), End: (app) => app.seek(Infinity) } },
  { words: "play, pause", keys: { " ": (app) => app.play() } },
  {
    words: "previous filter, next one: opens its details",
    keys: { ArrowUp: (app) => app.stepFilter(-1), ArrowDown: (app) => app.stepFilter(1) },
  },
  {
    words: "taps, change, response, the whole training in one tile",
    keys: Object.fromEntries(MODES.map((mode, i) => [String(i + 1), (app) => app.setMode(mode)])),
  },
  {
    words: "next layer, previous one",
    keys: { n: (app) => app.sidebar.layers.step(1), N: (app) => app.sidebar.layers.step(-1) },
  },
  { words: "pin this snapshot, to compare with it; once more to let it go", keys: { p: (app) => app.pin() } },
  { words: "bookmark this view, take its bookmark away", keys: { b: (app) => app.marks.toggle() } },
  { words: "larger tiles", keys: { "+": (app) => zoom(app, 1), "=": (app) => zoom(app, 1) } },
  { words: "smaller tiles", keys: { "-": (app) => zoom(app, -1) } },
  { words: "tiles that fit the window", keys: { 0: (app) => zoom(app, 0) } },
  { words: "search filters", keys: { "/": (app) => app.finder.panel.input.focus() } },
  { words: "all layers, and back to one", keys: { o: (app) => app.overlook.toggle() }, everywhere: true },
  { words: "this page of keys and meanings", keys: { "?": (app) => app.help.open() }, everywhere: true },
  { words: "close what is open", keys: { Escape: (app) => close(app) }, everywhere: true },
];

const SCROLLING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

/** @param {import("./app.js").App} app */
export function listenToKeys(app) {
  const known = new Map();
  for (const { keys, everywhere } of KEYS)
    for (const [key, action] of Object.entries(keys)) known.set(key, { action, everywhere });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    // What lies above the page closes by itself.
    if (event.key === "Escape" && document.querySelector(":popover-open")) return;
    const typing = target instanceof HTMLInputElement && target.type !== "range";
    if (typing && event.key !== "Escape") return;
    // A select moves its choice with arrows and letters, a button is pressed with the space bar; a dialog is alone.
    if (target instanceof HTMLSelectElement || app.help.element.open) return;
    if (event.key === " " && target instanceof HTMLButtonElement) return;
    // Plots are scrolled through, as any page.
    if (target instanceof Element && target.matches(".detail-body") && SCROLLING.has(event.key)) return;
    const { action, everywhere } = known.get(event.key) ?? {};
    if (!action) return;
    if (app.overlook.shown && !everywhere) {
      // Its rows have keys of their own.
      if (event.key.startsWith("Arrow")) app.overlook.panel.focus();
      return;
    }
    event.preventDefault();
    action(app);
  });
}

/** Larger tiles (1), smaller ones (-1), or such as fit (0). */
function zoom({ state, grid }, by) {
  if (grid.layout) state.set({ tile: nextSize(state.tile, grid.layout, by) });
}

/** @param {import("./app.js").App} app */
function close(app) {
  app.pointer = null;
  app.schedule();
  if (app.element.classList.contains("menu-open")) app.element.classList.remove("menu-open");
  else if (app.overlook.shown) return;
  else if (document.activeElement === app.finder.panel.input) {
    app.finder.panel.input.value = "";
    app.finder.panel.input.dispatchEvent(new Event("input"));
    app.canvas.focus();
  } else app.state.set({ filter: null });
}
