/** Numbers as text, as filterscope's pictures put them. */

/** A number in at most about six characters, with a true minus. */
export function formatValue(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text = value.toExponential(0);
  if (value === 0) text = "0";
  else if (size >= 1e-3 && size < 100) text = String(Number(value.toPrecision(2)));
  else if (size >= 100 && size < 9999.5) text = value.toFixed(0);
  return text.replace("+", "").replaceAll("-", "−");
}

/** A rotation: less than a millionth is what single precision leaves of 0. */
export function formatRotation(value) {
  return formatValue(Math.abs(value) < 1e-6 ? 0 : value);
}

/** A count at a tick of an axis: at most about six characters. */
export function formatCount(value) {
  if (value < 1e5) return String(value);
  return value < 1e6 ? `${Number((value / 1e3).toPrecision(4))}k` : `${Number((value / 1e6).toPrecision(3))}M`;
}

/** A number with `digits` significant digits, for readouts. */
export function formatPrecise(value, digits = 3) {
  if (!Number.isFinite(value) || value === 0) return formatValue(value);
  const size = Math.abs(value);
  let text = value.toPrecision(digits);
  if (size < 1e-3 || size >= 1e5) text = value.toExponential(digits - 1);
  else if (size >= 10 ** digits) text = value.toFixed(0);
  return text.replace("+", "").replaceAll("-", "−");
}

/** Prefixes of Hz, the largest first. Cycles per sample are never so many as to need one. */
export const PREFIXES = /** @type {[string, number][]} */ ([
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
]);

function prefixOf(frequency) {
  return PREFIXES.find(([, times]) => Math.abs(frequency) >= times) ?? ["", 1];
}

/** A frequency with its unit: `1.20 kHz`, in cycles/sample where the rate is not known. */
export function formatFrequency(value, unit) {
  if (!Number.isFinite(value)) return "–";
  const [prefix, times] = prefixOf(value);
  return `${formatPrecise(value / times)} ${prefix}${unit}`;
}

/** Frequencies that a sampling rate sets, with the unit of the last one: `0 to 62.5 Hz`, `4 kHz`. */
export function formatBounds(frequencies, unit) {
  const [prefix, times] = prefixOf(frequencies.at(-1));
  const texts = frequencies.map((frequency) => String(Number((frequency / times).toPrecision(4))).replace("-", "−"));
  return `${texts.join(" to ")} ${prefix}${unit}`;
}

/** A frequency at a tick of an axis. */
export function formatTick(value) {
  const [prefix, times] = prefixOf(value);
  return `${formatValue(value / times)}${prefix}`;
}
