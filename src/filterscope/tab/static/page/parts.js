/** What the page consists of, and what of the app each part calls. */

import { Berth } from "../panels/berth.js";
import { Detail } from "../panels/detail.js";
import { el } from "../panels/dom.js";
import { Help } from "../panels/help.js";
import { Problems } from "../panels/messages.js";
import { Passes } from "../panels/passes.js";
import { Sidebar } from "../panels/sidebar.js";
import { Toolbar } from "../panels/toolbar.js";
import { Tooltip } from "../panels/tooltip.js";
import { Transport } from "../panels/transport.js";
import { Voice } from "../panels/voice.js";
import { Grid } from "../views/grid.js";
import { KEYS } from "./keys.js";

/**
 * The parts by name; `element` holds them all.
 *
 * @typedef {object} Parts
 * @property {Sidebar} sidebar
 * @property {Toolbar} toolbar
 * @property {Transport} transport
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLElement} scroller
 * @property {Grid} grid
 * @property {Voice} voice
 * @property {Detail} detail
 * @property {Berth} berth
 * @property {Problems} problems
 * @property {Passes} passes
 * @property {Tooltip} tooltip
 * @property {Help} help
 * @property {HTMLElement} loading
 * @property {HTMLElement} main
 * @property {HTMLElement} element
 */

/** @param {import("./app.js").App} app @returns {Parts} */
export function buildParts(app) {
  const { state } = app;
  const set = (key) => (value) => state.set({ [key]: value });
  const closeMenu = () => element.classList.remove("menu-open");
  const sidebar = new Sidebar({
    run: (run) => {
      state.set({ run });
      if (app.model.overview) closeMenu(); // else a layer is chosen next
    },
    layer: (tag) => {
      state.set({ tag, view: "layer" });
      closeMenu();
    },
    layers: set("layers"),
  });
  const toolbar = new Toolbar(app.finder.panel.element, {
    mode: (mode) => app.setMode(mode),
    sort: (sort) => app.sort(sort),
    again: () => app.sortAgain(),
    scale: set("scale"),
    channels: set("channels"),
    // To compare with what is pinned without a pin is to pin.
    compare: (compare) => (compare === "pinned" && state.pin === null ? app.pin() : state.set({ compare })),
    menu: () => element.classList.toggle("menu-open"),
    overview: () => app.overlook.toggle(),
    help: () => help.open(),
    tile: set("tile"),
  });
  const transport = new Transport({
    play: () => app.play(),
    seek: (position) => app.seek(position),
    newest: () => app.seek(Infinity),
    speed: (text) => state.set({ speed: Number(text) }),
    pin: () => app.pin(),
    png: () => app.savePng(),
    csv: () => app.saveCsv(),
    json: () => app.saveJson(),
    link: () => app.copyLink(),
    scalar: set("scalar"),
    mark: (mark) => app.marks.go(mark),
    toggleMark: () => app.marks.toggle(),
    removeMark: (mark) => app.marks.remove(mark),
  });
  const canvas = el("canvas", {
    class: "grid",
    "data-testid": "grid",
    role: "img",
    tabindex: 0,
    "data-ready": "false",
  });
  const room = el("div", {}, canvas);
  const scroller = el("div", { class: "grid-scroller" }, room);
  const grid = new Grid(canvas, room, scroller);
  const voice = new Voice(canvas);
  const detail = new Detail({
    close: () => state.set({ filter: null }),
    step: (by) => app.stepFilter(by),
    seek: (at) => app.seek(at),
  });
  const berth = new Berth(detail, scroller, {
    change: () => app.schedule(),
    close: () => state.set({ filter: null }),
  });
  const stage = el("div", { class: "stage" }, scroller, detail.element);
  const problems = new Problems();
  const passes = new Passes();
  const tooltip = new Tooltip();
  const help = new Help(KEYS);
  const loading = el("p", { class: "loading", text: "Loading filters …" });
  const main = el(
    "main",
    { class: "main" },
    toolbar.element,
    problems.element,
    passes.element,
    stage,
    app.overlook.panel.element,
    loading,
  );
  const element = el(
    "div",
    { class: "filterscope" },
    sidebar.element,
    main,
    transport.element,
    tooltip.element,
    voice.element,
    help.element,
  );
  return {
    sidebar,
    toolbar,
    transport,
    canvas,
    scroller,
    grid,
    voice,
    detail,
    berth,
    problems,
    passes,
    tooltip,
    help,
    loading,
    main,
    element,
  };
}
