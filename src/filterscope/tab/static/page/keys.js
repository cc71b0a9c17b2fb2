/** Keys, wherever the focus is outside of text. */

import { MODES } from "../panels/choices.js";

const SCROLLING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

/** @param {import("./app.js").App} app */
export function listenToKeys(app) {
  const keys = {
    ArrowLeft: () => app.seek(app.model.position - 1),
    ArrowRight: () => app.seek(app.model.position + 1),
    PageUp: () => app.seek(app.model.position - 10),
    PageDown: () => app.seek(app.model.position + 10),
    Home: () => app.seek(0),
    End: () => app.seek(Infinity),
    ArrowUp: () => app.stepFilter(-1),
    ArrowDown: () => app.stepFilter(1),
    " ": () => app.play(),
    n: () => app.sidebar.layers.step(1),
    N: () => app.sidebar.layers.step(-1),
    p: () => app.pin(),
    b: () => app.marks.toggle(),
    "/": () => app.finder.panel.input.focus(),
    o: () => app.overlook.toggle(),
    Escape: () => close(app),
  };
  MODES.forEach((mode, i) => (keys[String(i + 1)] = () => app.setMode(mode)));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    // What lies above the page closes by itself.
    if (event.key === "Escape" && document.querySelector(":popover-open")) return;
    const typing = target instanceof HTMLInputElement && target.type !== "range";
    if (typing && event.key !== "Escape") return;
    // A select moves its choice with arrows and letters, a button is pressed with the space bar.
    if (target instanceof HTMLSelectElement) return;
    if (event.key === " " && target instanceof HTMLButtonElement) return;
    // Plots are scrolled through, as any page.
    if (target instanceof Element && target.matches(".detail-body") && SCROLLING.has(event.key)) return;
    const action = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (!action) return;
    if (app.overlook.shown && !["o", "Escape"].includes(event.key)) {
      // Its rows have keys of their own.
      if (event.key.startsWith("Arrow")) app.overlook.panel.focus();
      return;
    }
    event.preventDefault();
    action();
  });
}

function close(app) {
  if (app.element.classList.contains("menu-open")) app.element.classList.remove("menu-open");
  else if (app.overlook.shown) return;
  else if (document.activeElement === app.finder.panel.input) {
    app.finder.panel.input.value = "";
    app.finder.panel.input.dispatchEvent(new Event("input"));
    app.canvas.focus();
  } else app.state.set({ filter: null });
}
