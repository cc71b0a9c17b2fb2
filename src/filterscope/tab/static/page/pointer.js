/** The pointer over the grid, and what scrolls or is sized anew. */

/** @param {import("./app.js").App} app */
export function listenToPointer(app) {
  const { canvas, element, main, scroller, transport } = app;
  const point = (pointer) => {
    app.pointer = pointer;
    app.schedule();
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", (event) => {
    app.tooltip.hush(-1, event);
    point(null);
  });
  canvas.addEventListener("click", (event) => {
    const under = app.grid.under(event);
    if (!under) return;
    const { row } = under;
    app.tooltip.hush(row, event);
    const number = app.model.series.numberOf(row);
    app.state.set({ filter: number === app.state.filter ? null : number });
    // Nothing moves under the pointer.
    app.reveal = false;
  });
  main.addEventListener("pointerdown", (event) => {
    if (!(/** @type {Element} */ (event.target).closest(".menu"))) element.classList.remove("menu-open");
  });
  // What was under the pointer has gone.
  scroller.addEventListener("scroll", () => point(null), { passive: true });
  const sizes = new ResizeObserver(() => app.schedule());
  for (const sized of [scroller, transport.element]) sizes.observe(sized);
}

/**
 * Mark and tell what is under the pointer: over the grid, as far as the detail leaves it free.
 *
 * @param {import("./app.js").App} app
 * @param {import("../views/view.js").Scene} scene
 */
export function showPointed({ pointer, grid, tooltip, scroller, detail }, scene) {
  const under = pointer && grid.under(pointer);
  scene.hovered = under?.row ?? -1;
  tooltip.show(scene, under, pointer, freeRoom(scroller, detail.element));
}

/** The part of the window that a tooltip may take: beside the sidebar and the detail, wherever that lies. */
function freeRoom(scroller, detail) {
  const { left, right } = scroller.getBoundingClientRect();
  const room = { left, right, top: 0, bottom: document.documentElement.clientHeight };
  if (detail.hidden) return room;
  const { side } = detail.dataset;
  const facing = { left: "right", right: "left", top: "bottom", bottom: "top" }[side];
  return { ...room, [side]: detail.getBoundingClientRect()[facing] };
}
