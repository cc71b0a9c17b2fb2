/** Where a link leads, by its keys alone: the page asks for what it will show before it can read all of it. */

/** What concerns all layers: a link that names anything else leads to a layer. */
export const GENERAL = new Set(["run", "view", "scalar", "layers", "marks", "speed", "tile"]);

/** @param {Map<string, string>} address Keys and values. */
export function leadsToLayer(address) {
  return address.has("view") ? address.get("view") === "layer" : [...address.keys()].some((key) => !GENERAL.has(key));
}
