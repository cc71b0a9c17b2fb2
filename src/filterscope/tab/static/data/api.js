/** What the server half answers. URLs are relative to this module, so any path prefix works. */

import { BlobError, decodeBlob } from "./blob.js";

/** Most snapshots that one request for banks may ask for. */
export const MOST_STEPS = 256;

const ROUTE = new URL("../../", import.meta.url);

/**
 * A layer of a run, as the server lists it: curves are of `[step, value]`, `latest` and `interval` in seconds.
 *
 * @typedef {object} Layer
 * @property {string} tag
 * @property {string} layer
 * @property {string} monitor
 * @property {number[]} [shape]
 * @property {number} total_filters
 * @property {[number, number][]} rotation
 * @property {[number, number][]} dead
 * @property {number} latest
 * @property {number | null} interval
 * @property {number} max_step
 * @property {string} [problem]
 *
 * @typedef {{run: string, layers: Layer[]}} Run
 */

/** Where no answer comes, the error's message says what to do. @param {AbortSignal} [signal] */
async function get(path, parameters, signal) {
  const url = new URL(path, ROUTE);
  url.search = new URLSearchParams(parameters).toString();
  let response;
  try {
    response = await fetch(url, { signal, cache: "no-cache" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("TensorBoard does not answer. Is it still running? This page tries again by itself.");
  }
  if (response.ok) return response;
  let words = `TensorBoard answered ${response.status} to "${path}". Its terminal says more.`;
  try {
    words = (await response.json()).error ?? words;
  } catch {
    // An error page of TensorBoard's own or of a proxy: the status is all there is.
  }
  throw new Error(String(words));
}

/**
 * Runs with their layers, and what is wrong in general.
 *
 * @returns {Promise<{runs: Run[], problems: string[]}>}
 */
export async function fetchLayers() {
  const { runs = [], problems = [] } = await (await get("layers", {})).json();
  return { runs, problems };
}

/**
 * All layers of a run over time, and a scalar of it.
 *
 * @param {{run: string} | {likely: string | null}} which A run that is listed; or before any is, the one that the
 *   address names, where the server takes the first one if there is no such.
 * @param {string | null} scalar Null: the server's choice; empty: none.
 * @param {AbortSignal} [signal]
 * @returns {Promise<[string | null, any]>} The answer's version, and what the server's `overview` says.
 */
export async function fetchOverview(which, scalar, signal) {
  const given = Object.entries({ ...which, scalar }).filter(([, value]) => value !== null);
  const response = await get("overview", Object.fromEntries(given), signal);
  return [response.headers.get("ETag"), await response.json()];
}

/** `{snapshots: [[step, wall time], ...], kept}` of a layer, in order; `kept` is the most that TensorBoard keeps. */
export async function fetchSnapshots(run, tag) {
  const { snapshots = [], kept = null } = await (await get("snapshots", { run, tag })).json();
  return { snapshots, kept };
}

/** The banks of some steps: `[{step, header, weights} | {step, problem}, ...]` in that order. */
export async function fetchBanks(run, tag, steps, signal) {
  const response = await get("banks", { run, tag, steps: steps.join(",") }, signal);
  return unpack(await response.arrayBuffer());
}

/** Cut an answer into records of step (float64), status and length (uint32), and bytes padded to 8. */
function unpack(buffer) {
  const view = new DataView(buffer);
  const records = [];
  let at = 0;
  while (at + 16 <= buffer.byteLength) {
    const step = view.getFloat64(at, true);
    const status = view.getUint32(at + 8, true);
    const length = view.getUint32(at + 12, true);
    if (at + 16 + length > buffer.byteLength) break;
    records.push({ step, ...read(status, new Uint8Array(buffer, at + 16, length)) });
    at += 16 + Math.ceil(length / 8) * 8;
  }
  return records;
}

function read(status, bytes) {
  if (status !== 0) return { problem: new TextDecoder().decode(bytes) };
  try {
    return decodeBlob(bytes);
  } catch (error) {
    if (error instanceof BlobError) return { problem: error.message };
    throw error;
  }
}
