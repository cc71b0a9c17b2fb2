/** What can be chosen: the controls offer it, the address keeps it. */

export const VIEWS = ["overview", "layer"];
export const MODES = ["taps", "change", "response", "evolution"];
export const SORTS = ["index", "drift", "norm", "peak"];
export const SCALES = ["shared", "filter"];
export const CHANNELS = ["auto", "all", "principal", "logo"];
export const SPEEDS = [0.5, 1, 2, 4, 8];
/** Sizes of tiles, from small to large, after the one that fits the window. */
export const TILES = ["fit", "s", "m", "l", "xl"];
