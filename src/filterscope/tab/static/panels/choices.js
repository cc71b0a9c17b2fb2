/** What can be chosen: the controls offer it in words, the address keeps it. */

export const VIEWS = ["overview", "layer"];
export const MODES = ["taps", "change", "response", "evolution"];
export const SORTS = {
  index: "number",
  change: "most different first",
  drift: "most rotated first",
  norm: "largest norm first",
  peak: "peak frequency, low to high",
};
export const SCALES = { shared: "shared", filter: "per filter" };
export const CHANNELS = { auto: "auto", all: "all", principal: "principal", logo: "letters" };
export const LAYER_ORDERS = { model: "model order", change: "most changed", name: "name" };
export const SPEEDS = [0.5, 1, 2, 4, 8];
/** Sizes of tiles, from small to large, after the one that fits the window. */
export const TILES = { fit: "fit", s: "S", m: "M", l: "L", xl: "XL" };

/**
 * What the page aims at, as its parts are told: the chosen run and layer, their series once there, positions that are
 * asked for (-1: none).
 *
 * @typedef {object} Aim
 * @property {{[name: string]: any}} state
 * @property {import("../data/api.js").Run[]} runs
 * @property {{run: import("../data/api.js").Run, layer: import("../data/api.js").Layer} | null} chosen
 * @property {import("../data/series.js").Series | null} series
 * @property {import("../data/series.js").Series | null} other The same layer of another run, if it is compared with.
 * @property {number} position
 * @property {number} pinned
 * @property {() => {run: string, layer: import("../data/api.js").Layer}[]} rivals The same layer in other runs.
 */
