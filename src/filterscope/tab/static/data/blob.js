/** The byte form of a bank, as `filterscope/events/blob.py` writes it: magic, version, JSON header, little-endian
 * weights. */

const MAGIC = "FILTERS\n";
/** Those that it reads: 2 where channels have names. */
const VERSIONS = [1, 2];
const PREFIX_BYTES = 16;

/**
 * What a bank says of itself; `shape` is filters x channels x taps, `indices` the numbers of the filters if not all are
 * there, `sample_rate` in Hz.
 *
 * @typedef {object} Header
 * @property {string} layer
 * @property {number} order
 * @property {boolean} reference
 * @property {[number, number, number]} shape
 * @property {"float16" | "float32"} dtype
 * @property {boolean} complex
 * @property {number[] | null} indices
 * @property {number} total_filters
 * @property {number | null} epoch
 * @property {number | null} step
 * @property {number} stride
 * @property {number} dilation
 * @property {number} groups
 * @property {boolean} transposed
 * @property {number | null} sample_rate
 * @property {boolean} within_epoch
 * @property {string[] | null} channel_names
 */

/** Bytes that are no bank, or not one that this version can read. */
export class BlobError extends Error {}

const HALF = halfTable();

/** All 65536 half floats: a look-up is as fast as hardware conversion, and every browser has it. */
function halfTable() {
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    let value = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    if (exponent === 31) value = fraction ? NaN : Infinity;
    values[bits] = bits & 0x8000 ? -value : value;
  }
  return values;
}

/** Weights as they came (`Uint16Array` of half floats, or `Float32Array`) into float32. */
export function widen(weights, start = 0, end = weights.length) {
  if (weights instanceof Float32Array) return weights.slice(start, end);
  const out = new Float32Array(end - start);
  for (let i = start, j = 0; i < end; i++, j++) out[j] = HALF[weights[i]];
  return out;
}

const isCount = (value, least = 1) => Number.isSafeInteger(value) && value >= least;
const isMoment = (value) => value === null || Number.isSafeInteger(value);
const isBoolean = (value) => typeof value === "boolean";

const CHECKS = {
  layer: (value) => typeof value === "string",
  order: (value) => isCount(value, 0),
  reference: isBoolean,
  shape: (value) => Array.isArray(value) && value.length === 3 && value.every((size) => isCount(size)),
  dtype: (value) => value === "float16" || value === "float32",
  complex: isBoolean,
  indices: (value) =>
    value === null ||
    (Array.isArray(value) && value.every((number, i) => isCount(number, 0) && (i === 0 || number > value[i - 1]))),
  total_filters: (value) => isCount(value),
  epoch: isMoment,
  step: isMoment,
  stride: (value) => isCount(value),
  dilation: (value) => isCount(value),
  groups: (value) => isCount(value),
  transposed: isBoolean,
  sample_rate: (value) => value === null || (Number.isFinite(value) && value > 0),
  within_epoch: isBoolean,
  channel_names: (value) =>
    value === null || (Array.isArray(value) && value.every((name) => typeof name === "string" && name.trim() !== "")),
};

/**
 * Read a blob that may be damaged.
 *
 * @param {Uint8Array} bytes Whole blob, at any alignment.
 * @returns {{header: Header, weights: Uint16Array | Float32Array}} Weights in a buffer of their own, so that
 *   forgetting them frees them.
 * @throws {BlobError} Damaged, or written by a newer version.
 */
export function decodeBlob(bytes) {
  const text = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (bytes.length < PREFIX_BYTES || text !== MAGIC) throw new BlobError("these bytes are no filter bank");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(8, true);
  if (!VERSIONS.includes(version)) {
    throw new BlobError(
      `a filter bank of format version ${version}, this tab reads ${VERSIONS.at(-1)}: upgrade filterscope`,
    );
  }
  const start = PREFIX_BYTES + view.getUint32(12, true);
  if (start > bytes.length) throw new BlobError("damaged filter bank: its header is cut off");
  const header = readHeader(bytes.subarray(PREFIX_BYTES, start));
  const [filters, channels, taps] = header.shape;
  const numbers = filters * channels * taps * (header.complex ? 2 : 1);
  const size = header.dtype === "float16" ? 2 : 4;
  if (bytes.length - start !== numbers * size) {
    throw new BlobError(
      `damaged filter bank: ${header.shape.join(" × ")} weights in ${header.dtype} take ${numbers * size} bytes, ` +
        `it has ${bytes.length - start}`,
    );
  }
  const buffer = bytes.slice(start).buffer;
  return { header, weights: size === 2 ? new Uint16Array(buffer) : new Float32Array(buffer) };
}

function readHeader(bytes) {
  let header;
  try {
    // Written only where it is so: what has none was taken at an epoch's end, and its channels have no names.
    header = { within_epoch: false, channel_names: null, ...JSON.parse(new TextDecoder().decode(bytes)) };
  } catch {
    throw new BlobError("damaged filter bank: its header is not JSON");
  }
  for (const [name, check] of Object.entries(CHECKS)) {
    if (!(name in header) || !check(header[name])) {
      throw new BlobError(`damaged filter bank: its header has no usable "${name}"`);
    }
  }
  const numbering = header.indices;
  const last = numbering === null ? header.shape[0] - 1 : numbering.at(-1);
  if ((numbering !== null && numbering.length !== header.shape[0]) || last >= header.total_filters) {
    throw new BlobError("damaged filter bank: the numbers of its filters do not fit");
  }
  if (header.channel_names !== null && header.channel_names.length !== header.shape[1]) {
    throw new BlobError("damaged filter bank: the names of its channels do not fit");
  }
  return header;
}
