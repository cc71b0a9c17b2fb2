/** The view as a picture, its numbers as CSV or JSON. */

import { measure, peakFrequencies } from "../data/snapshot.js";
import { tones } from "../draw/colours.js";
import { FAMILY, theme } from "../draw/palette.js";
import { withoutFrequencies } from "../numbers/letters.js";
import { colourScales } from "../panels/scales.js";
import { joined, shortened } from "../panels/words.js";
import { layTiles } from "../views/layout.js";
import { drawStill, drawTiles } from "../views/tiles.js";

const HEAD = 50;
const LINE = 16;
const MARGIN = 16;
/** Browsers draw nothing on canvases with a longer side. */
const LONGEST_CANVAS = 16000;

/** Have the browser keep a file. */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Names as one that every file system takes; a log directory itself is a run of the name ".", which is none. */
export function safeName(...names) {
  const safe = names.map((name) => name.replace(/[^\p{L}\p{N}.-]+/gu, "_").slice(0, 48));
  return safe.flatMap((name) => name.replace(/^[._-]+|[._-]+$/g, "") || []).join("-");
}

function fileName({ series, position }, kind, ending) {
  const moment = series.moment(position).replace(" ", "");
  return `${safeName(series.run, series.layer.layer, kind, moment)}.${ending}`;
}

/** A picture to draw in CSS pixels, and what has the browser keep it. */
export function pictureOf(width, height, ratio, ground) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const context = canvas.getContext("2d", { alpha: false });
  context.scale(ratio, ratio);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  const keep = (name) => canvas.toBlob((blob) => blob && save(blob, name), "image/png");
  return { context, keep };
}

/**
 * Every tile (not only those in sight), the colours' meaning, and the detail if it is open.
 *
 * @param {import("../views/view.js").Scene} scene
 * @param {import("../views/grid.js").Grid["layout"]} shown Large tiles that do not all go onto one canvas are drawn as small
 *   as fit.
 * @param {string} summary How to read it.
 * @param {import("../panels/detail.js").Detail | null} detail
 */
export function savePng(scene, shown, summary, detail) {
  const { series, position, mode } = scene;
  const title = `${series.layer.layer} · ${mode === "evolution" ? `${series.unit}s × taps` : mode}`;
  const subtitle = joined(series.run, series.moment(position), summary);
  const fine = Math.max(window.devicePixelRatio || 1, 2);
  const long = (shown.height + HEAD) * fine > LONGEST_CANVAS;
  const layout = long ? layTiles(series.filters, shown.width, shown.width, fine) : shown;
  const plots = detail ? detail.shown : [];
  const side = plots.length ? detail.element.clientWidth + MARGIN : 0;
  const sideHeight = plots.length ? detail.body.scrollHeight : 0;
  const width = layout.width + side;
  const lines = wrapped(subtitle, width - 2 * MARGIN);
  const head = HEAD + lines.length * LINE;
  const height = head + Math.max(layout.height, sideHeight);
  const { context, keep } = pictureOf(width, height, Math.min(fine, LONGEST_CANVAS / height), theme.ground);
  const tiles = layout.tiles.map((_, i) => i);
  const seen = { top: 0, bottom: layout.height };
  context.save();
  context.translate(0, head);
  drawStill(context, layout, tiles, scene, seen);
  drawTiles(context, layout, tiles, { ...scene, hovered: -1 }, seen);
  context.restore();
  drawHead(context, width, title, lines, colourScales(scene));
  for (const plot of plots) drawPlot(context, plot, detail.body, layout.width, head);
  keep(fileName(scene, mode, "png"));
}

/** A plot of the detail at its place there, right of the tiles and below the head. */
function drawPlot(context, plot, body, right, head) {
  const corner = body.getBoundingClientRect();
  const place = (element) => {
    const box = element.getBoundingClientRect();
    return [right + box.x - corner.x, head + box.y - corner.y + body.scrollTop];
  };
  context.fillStyle = theme.ink;
  context.font = `600 12px ${FAMILY}`;
  context.textBaseline = "top";
  context.textAlign = "left";
  context.fillText(plot.title.textContent, ...place(plot.title));
  context.save();
  context.translate(...place(plot.strip ?? plot.canvas));
  plot.paintOn(context);
  context.restore();
}

/** A line of words with dots between as the lines that fit. */
function wrapped(text, room) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `12px ${FAMILY}`;
  const lines = [""];
  for (const part of text.split(" · ")) {
    const longer = joined(lines.at(-1), part);
    if (lines.at(-1) && context.measureText(longer).width > room) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function drawHead(context, width, title, lines, scales) {
  // Bars from the right; where there is no room beside the title, the words make way.
  const each = Math.min(196, Math.max((width - 2 * MARGIN) / scales.length - 60, 60));
  let right = width - MARGIN;
  for (const scale of scales.toReversed()) right = drawScale(context, right, each - 24, scale) - 24;
  const room = right - MARGIN;
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillStyle = theme.ink;
  context.font = `600 16px ${FAMILY}`;
  context.fillText(shortened(title, 60), MARGIN, 26, Math.max(room, 80));
  context.fillStyle = theme.grey;
  context.font = `12px ${FAMILY}`;
  lines.forEach((line, i) => context.fillText(line, MARGIN, HEAD + 8 + i * LINE, width - 2 * MARGIN));
}

/** A bar of colours with its words above it; returns its left end. */
function drawScale(context, right, length, { words, map, ticks }) {
  const [left, top] = [right - length, 22];
  const colours = tones(map);
  for (let i = 0; i < length; i++) {
    context.fillStyle = colours[Math.round((i / (length - 1)) * (colours.length - 1))];
    context.fillRect(left + i, top, Math.min(1.5, length - i), 8);
  }
  context.textBaseline = "alphabetic";
  context.fillStyle = theme.grey;
  context.textAlign = "left";
  context.font = `11px ${FAMILY}`;
  context.fillText(words, left, top - 6, length);
  context.font = `10px ${FAMILY}`;
  for (const [share, text] of ticks) {
    context.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
    context.fillText(text, left + share * length, top + 20);
  }
  return left;
}

const real = (value) => (Number.isFinite(value) ? Number(value.toPrecision(7)) : null);

/** One line per weight: filter, channel, tap, value now and in the reference. */
export function saveCsv(scene) {
  const { series, position } = scene;
  const { complex, shape } = series.header;
  const [filters, channels, taps] = shape;
  const now = series.weights(position);
  const then = series.referenceWeights;
  const epoch = series.epoch(position) ?? "";
  const { step } = series.snapshots[position];
  const parts = complex ? ["weight_real", "weight_imag", "reference_real", "reference_imag"] : ["weight", "reference"];
  const lines = [["epoch", "step", "filter", "channel", "tap", ...parts].join(",")];
  const text = (values, i) => (values ? String(real(values[i]) ?? values[i]) : "");
  for (let f = 0, i = 0; f < filters; f++) {
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < taps; k++, i += complex ? 2 : 1) {
        const values = complex
          ? [text(now, i), text(now, i + 1), text(then, i), text(then, i + 1)]
          : [text(now, i), text(then, i)];
        lines.push([epoch, step, series.numberOf(f), c, k, ...values].join(","));
      }
    }
  }
  save(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }), fileName(scene, "weights", "csv"));
}

/** What the layer is, and of every filter its measures and weights `channels x taps`. */
export function saveJson(scene) {
  const { series, position } = scene;
  const { norm, rotation, marks } = measure(series, position, series.referenceWeights);
  const { complex, shape } = series.header;
  const [, channels, taps] = shape;
  const now = series.weights(position);
  const width = complex ? 2 : 1;
  const peaks = withoutFrequencies(series.header) ? null : peakFrequencies(series, position);
  const number = (i) => (complex ? [real(now[i]), real(now[i + 1])] : real(now[i]));
  const told = ["total_filters", "stride", "dilation", "groups", "transposed", "sample_rate", "complex"];
  const filters = Array.from({ length: series.filters }, (_, f) => ({
    filter: series.numberOf(f),
    rotation: real(rotation[f]),
    norm: real(norm[f]),
    state: marks[f] || "alive",
    peak_frequency: peaks ? real(peaks[f]) : null,
    weights: Array.from({ length: channels }, (_c, c) =>
      Array.from({ length: taps }, (_k, k) => number(f * series.filterSize + (c * taps + k) * width)),
    ),
  }));
  const document = {
    run: series.run,
    tag: series.layer.tag,
    layer: series.header.layer,
    epoch: series.epoch(position),
    step: series.snapshots[position].step,
    reference_epoch: series.epoch(series.reference),
    reference_step: series.snapshots[series.reference]?.step ?? null,
    shape,
    ...Object.fromEntries(told.map((name) => [name, series.header[name]])),
    filters,
  };
  save(new Blob([JSON.stringify(document)], { type: "application/json" }), fileName(scene, "weights", "json"));
}
