/** The pointer over the grid, and what scrolls or is sized anew. */

/** @param {import("./app.js").App} app */
export function listenToPointer(app) {
  const { canvas, element, main, scroller, transport } = app;
  for (const name of ["pointermove", "pointerleave"]) {
    canvas.addEventListener(name, (event) => {
      app.pointer = name === "pointermove" ? /** @type {PointerEvent} */ (event) : null;
      app.schedule();
    });
  }
  canvas.addEventListener("click", (event) => {
    const row = app.grid.rowAt(event);
    if (row < 0) return;
    const number = app.model.series.numberOf(row);
    app.state.set({ filter: number === app.state.filter ? null : number });
    // Nothing moves under the pointer.
    app.reveal = false;
  });
  main.addEventListener("pointerdown", (event) => {
    if (!(/** @type {Element} */ (event.target).closest(".menu"))) element.classList.remove("menu-open");
  });
  scroller.addEventListener("scroll", () => app.schedule(), { passive: true });
  new ResizeObserver(() => app.schedule()).observe(scroller);
  new ResizeObserver(() => app.schedule()).observe(transport.element);
}
