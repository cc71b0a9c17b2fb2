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

/** A frequency with its unit: `1.20 kHz`, in cycles/sample where the rate is not known. */
export function formatFrequency(value, unit) {
  if (!Number.isFinite(value)) return "–";
  const [size, name] = unit === "Hz" && Math.abs(value) >= 1000 ? [value / 1000, "kHz"] : [value, unit];
  return `${formatPrecise(size)} ${name}`;
}

/** Frequencies that a sampling rate sets, with the unit of the last one: `0 to 62.5 Hz`, `4 kHz`. */
export function formatBounds(frequencies, unit) {
  const [share, name] = unit === "Hz" && frequencies.at(-1) >= 1000 ? [1000, "kHz"] : [1, unit];
  const texts = frequencies.map((frequency) => String(Number((frequency / share).toPrecision(4))).replace("-", "−"));
  return `${texts.join(" to ")} ${name}`;
}

/** A frequency at a tick of an axis. */
export function formatTick(value) {
  return Math.abs(value) >= 1000 ? `${formatValue(value / 1000)}k` : formatValue(value);
}
