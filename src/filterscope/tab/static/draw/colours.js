/** Colours of data. */

import { theme } from "./palette.js";
import { CHANGE, DECIBEL, ROTATION, ROTATION_SHARES, ROTATION_TICKS, SIGNED, SIGNED_DARK } from "./tables.js";

function packed(table) {
  return Uint32Array.from(css(table), pixelOf);
}

function css(table) {
  return Array.from({ length: table.length / 6 }, (_, i) => `#${table.slice(6 * i, 6 * i + 6)}`);
}

/** What is still shall not look as the page does, where nothing is: its map begins so many colours later. */
const FAINT = 6 * 24;

/** Maps by name, in light and in dark. */
const TABLES = {
  rotation: [ROTATION],
  signed: [SIGNED, SIGNED_DARK],
  decibel: [DECIBEL],
  change: [CHANGE.slice(FAINT), DECIBEL.slice(FAINT)],
};

/** Of every map its two forms, as `form` makes one of a table; a half of the signed one is for what has no sign. */
function forms(form) {
  const made = Object.entries(TABLES).map(([name, [light, dark = light]]) => [name, [form(light), form(dark)]]);
  const all = Object.fromEntries(made);
  return { ...all, oneSided: all.signed.map((each) => each.slice(128)) };
}

const PIXELS = forms(packed);
const TONES = forms(css);
const ofTheme = ([light, dark]) => (theme.name === "dark" ? dark : light);

/** What heat maps look colours of a map up in: `pixels[round(t * (length - 1))]`, t from 0 to 1. @returns {Uint32Array} */
export function heatTable(name) {
  return ofTheme(PIXELS[name]);
}

/** Colours for weights, or for sizes, which have no sign, up to a limit: a scale for `paintHeat`. */
export function weightScale(signed, limit) {
  return {
    table: heatTable(signed ? "signed" : "oneSided"),
    low: signed ? -limit : 0,
    high: limit,
    broken: pixelOf("#ffc44d"),
  };
}

/** The CSS colours of a map, from low to high. @returns {string[]} */
export function tones(name) {
  return ofTheme(TONES[name]);
}

/** Where a rotation lies on its scale, 0 to 1. */
export function rotationShare(rotation) {
  const above = ROTATION_TICKS.findIndex((tick) => tick > rotation);
  if (above < 1) return above ? 1 : 0;
  const [low, high] = ROTATION_TICKS.slice(above - 1);
  const [from, to] = ROTATION_SHARES.slice(above - 1);
  return from + ((rotation - low) / (high - low)) * (to - from);
}

/** CSS colour of a rotation; `undefinedColour` where it is not a number. */
export function rotationColour(rotation, undefinedColour) {
  return Number.isFinite(rotation) ? TONES.rotation[0][Math.round(rotationShare(rotation) * 255)] : undefinedColour;
}

/** A map as a CSS gradient from left to right. */
export function gradient(name) {
  const colours = tones(name);
  const stops = Array.from({ length: 17 }, (_, i) => colours[Math.round((i / 16) * (colours.length - 1))]);
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** A `#rrggbb` colour as a canvas pixel: these are little-endian RGBA, so it is 0xAABBGGRR. */
export function pixelOf(hex) {
  const rgb = parseInt(hex.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
