/** What stands where filters would be: nothing logged yet, still loading, or something is wrong. */

import { rotationColour } from "../draw/colours.js";
import { Key } from "../draw/kept.js";
import { theme } from "../draw/palette.js";
import { button, el, svg } from "./dom.js";

const EXAMPLE = `from filterscope import Conv1dFilterMonitor

trainer = Trainer(callbacks=[Conv1dFilterMonitor()])
trainer.fit(model)`;

/** No run has filters: how to log them. */
export function emptyState() {
  const copy = button({ class: "text-button", text: "Copy" }, async () => {
    await navigator.clipboard?.writeText(EXAMPLE).catch(() => {});
    copy.textContent = "Copied";
  });
  return el(
    "section",
    { class: "empty", "data-testid": "empty" },
    drawing(),
    el("h1", { text: "No filters yet" }),
    el("p", {
      text:
        "filterscope records every 1-D convolution filter of a model as it trains. " +
        "Add its callback to your Lightning Trainer:",
    }),
    el("div", { class: "example" }, el("pre", {}, el("code", { text: EXAMPLE })), copy),
    el("p", {
      class: "quiet",
      text:
        "The filters appear here with the first snapshot; this page looks for them by itself. " +
        "A run that was logged with save_filters=False holds pictures (see Images) but no filters to scrub through.",
    }),
  );
}

/** A filter that turns from noise into a wave, in three tiles. */
function drawing() {
  const tiles = [0, 0.12, 0.5].flatMap((rotation, i) => {
    const points = Array.from({ length: 23 }, (_, k) => {
      const noise = 7 * Math.sin(k * k * 2.1 + 4 * k) * (1 - i * 0.44);
      const wave = 8.5 * i * Math.exp(-(((k - 11) / 5) ** 2)) * Math.cos((k - 11) * 0.95);
      return `${(i * 66 + 10 + k * 2.1).toFixed(1)},${(24 - noise - wave).toFixed(1)}`;
    });
    const stroke = rotationColour(rotation, theme.undefinedLine);
    return [
      svg("rect", { x: i * 66 + 4, y: 1, width: 58, height: 46, rx: 5 }),
      svg("polyline", { points: points.join(" "), stroke }),
    ];
  });
  return svg("svg", { viewBox: "0 0 204 48", class: "drawing", "aria-hidden": "true" }, ...tiles);
}

/** The line above the grid that tells what is wrong; hidden while nothing is. */
export class Problems {
  #lines = new Key();

  constructor() {
    this.element = el("div", { class: "problem", role: "alert", "data-testid": "problem", hidden: true });
  }

  /** @param {string[]} lines */
  show(lines) {
    const found = [...new Set(lines.filter(Boolean))];
    if (!this.#lines.turned(...found)) return;
    this.element.hidden = found.length === 0;
    const more = found.length > 4 ? [`… and ${found.length - 4} more`] : [];
    this.element.replaceChildren(...[...found.slice(0, 4), ...more].map((text) => el("p", { text })));
  }
}

/** What is wrong with the snapshots of a layer, in one sentence each; snapshots with the same problem share one. */
export function snapshotProblems(series) {
  if (!series) return [];
  const broken = series.snapshots.filter(({ problem }) => problem);
  const byProblem = [...Map.groupBy(broken, ({ problem }) => problem)];
  return [
    ...keptProblem(series),
    ...byProblem.map(([problem, those]) => brokenLine(series.layer.layer, problem, those)),
  ];
}

function brokenLine(layer, problem, snapshots) {
  const first = snapshots.slice(0, 5).map(({ step }) => step);
  const steps = `step ${first.join(", ")}${snapshots.length > 5 ? ", …" : ""}`;
  const count = snapshots.length === 1 ? "One snapshot" : `${snapshots.length} snapshots`;
  return `${count} of ${layer} cannot be shown (${steps}): ${problem}`;
}

/** TensorBoard keeps so many snapshots of a layer and drops others at random: told where gaps show that it did. */
function keptProblem({ kept, count, snapshots, unit }) {
  if (!kept || count < kept || count < 3) return [];
  const gaps = snapshots.slice(1).map(({ step }, i) => step - snapshots[i].step);
  const usual = gaps.toSorted((a, b) => a - b)[gaps.length >> 1];
  if (gaps.every((gap) => gap < 1.5 * usual)) return [];
  return [
    `TensorBoard kept ${kept} ${unit}s of this layer and left others out. ` +
      "Start it with --samples_per_plugin filterscope=0 to keep all.",
  ];
}
