/** What can be chosen: the controls offer it, the address keeps it. */

export const VIEWS = ["overview", "layer"];
export const MODES = ["taps", "change", "response", "evolution"];
export const SORTS = ["index", "drift", "norm", "peak"];
export const SCALES = ["shared", "filter"];
export const CHANNELS = ["auto", "all", "principal"];
export const LAYER_ORDERS = ["model", "change", "name"];
export const SPEEDS = [0.5, 1, 2, 4, 8];
