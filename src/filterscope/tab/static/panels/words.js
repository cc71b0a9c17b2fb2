/** Phrases, as filterscope's pictures put them. */

import { formatValue } from "../numbers/format.js";

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `64 of 512 filters × 1 channel × 31 taps`. */
export function shapeWords(header) {
  const [filters, channels, taps] = header.shape;
  const total = header.total_filters;
  const count = filters < total ? `${filters} of ${plural(total, "filter")}` : plural(filters, "filter");
  return `${count} × ${plural(channels, header.complex ? "complex channel" : "channel")} × ${plural(taps, "tap")}`;
}

/** A channel by its name, or else by its number: `C3`, `channel 3`. */
export function channelName(header, channel) {
  const name = header.channel_names?.[channel];
  return name ? shortened(name, 24) : `channel ${channel}`;
}

/** `3 of 64 dead (4.7 %)`; empty where none is. */
export function deadWords(dead, filters) {
  return dead ? `${dead} of ${filters} dead (${formatValue((100 * dead) / filters)} %)` : "";
}

/** The parts that are not empty, with dots between. */
export function joined(...parts) {
  return parts.filter((part) => part).join(" · ");
}

/** A long name without its middle: both the module's beginning and its own name tell layers apart. */
export function shortened(name, most) {
  if (name.length <= most) return name;
  const tail = Math.ceil((most - 1) * 0.6);
  return `${name.slice(0, most - 1 - tail)}…${name.slice(-tail)}`;
}

/** The modules that all names lie in, with a dot at the end; empty for a single name. */
export function commonModules(names) {
  if (names.length < 2) return "";
  let common = names[0].slice(0, names[0].lastIndexOf(".") + 1);
  while (common && !names.every((name) => name.startsWith(common)))
    common = common.slice(0, common.slice(0, -1).lastIndexOf(".") + 1);
  return common;
}
