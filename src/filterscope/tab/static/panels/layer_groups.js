/** Layers in groups by the modules that they lie in, and in an order that the user chose. */

import { turnedNow } from "./turned.js";
import { commonModules } from "./words.js";

const byName = new Intl.Collator(undefined, { numeric: true });

/** How far a layer has turned by now; nothing known is nothing turned. */
function turned(layer) {
  const last = turnedNow(layer);
  return Number.isFinite(last) ? last : -1;
}

/**
 * Layers in an order.
 *
 * @param {import("../data/api.js").Layer[]} layers Of a run, in model order.
 * @param {string} order One of `LAYER_ORDERS`.
 * @returns {import("../data/api.js").Layer[]}
 */
export function ordered(layers, order) {
  if (order === "change") return layers.toSorted((a, b) => turned(b) - turned(a));
  if (order === "name") return layers.toSorted((a, b) => byName.compare(a.layer, b.layer));
  return layers;
}

/**
 * What layers have in common, and the groups that are left of their names.
 *
 * @param {import("../data/api.js").Layer[]} layers
 * @param {boolean} flat Without groups, since their order runs across them.
 * @returns {{prefix: string, groups: {name: string | null, layers: {layer: import("../data/api.js").Layer, name: string}[]}[]}} `prefix` is the
 *   modules that all lie in, each `name` what is left to say; a group without a name is a layer for itself.
 */
export function grouped(layers, flat) {
  const prefix = commonModules(layers.map(({ layer }) => layer));
  const rest = ({ layer }) => layer.slice(prefix.length) || layer;
  // A layer without a module of its own is a group of its own.
  const parts = Map.groupBy(layers, (layer) => {
    const dot = flat ? -1 : rest(layer).indexOf(".");
    return dot > 0 ? rest(layer).slice(0, dot) : layer;
  });
  const groups = [...parts.values()].map((members) => {
    if (members.length === 1) return { name: null, layers: [{ layer: members[0], name: rest(members[0]) }] };
    const common = commonModules(members.map(rest));
    const named = members.map((layer) => ({ layer, name: rest(layer).slice(common.length) || rest(layer) }));
    return { name: common.slice(0, -1), layers: named };
  });
  return { prefix: prefix.slice(0, -1), groups };
}
