/** Which snapshots to ask for next: what is looked at first, then coarse to fine, within a bound of memory. */

import { fetchBanks, fetchSnapshots, MOST_STEPS } from "./api.js";
import { Series } from "./series.js";

/** Bytes of weights that the browser keeps. */
const BUDGET = 512 * 2 ** 20;
/** Bytes that one request asks for: a few tenths of a second. */
const REQUEST = 6 * 2 ** 20;
const PARALLEL = 2;

/** All positions of `count`, of which there are some: the ends, then halves, quarters, eighths ... */
function coarseToFine(count) {
  const order = new Set([count - 1, 0]);
  for (let stride = 2 ** Math.ceil(Math.log2(count)); stride >= 1; stride /= 2) {
    for (let position = 0; position < count; position += stride) order.add(position);
  }
  return [...order];
}

export class Loader {
  #series = new Map();
  #active = [];
  #busy = new Map();
  #onChange;
  #onFault;

  /**
   * @param {() => void} onChange Called after anything came.
   * @param {(message: string | null) => void} onFault Told what went wrong; `null` once it works again.
   */
  constructor(onChange, onFault) {
    this.#onChange = onChange;
    this.#onFault = onFault;
  }

  /** The series of a layer, made when first asked for. */
  series(run, layer) {
    const key = JSON.stringify([run, layer.tag]);
    const found = this.#series.get(key) ?? new Series(run, layer);
    found.layer = layer;
    this.#series.delete(key);
    this.#series.set(key, found); // the most recently used comes last
    return found;
  }

  /**
   * What to load from now on.
   *
   * @param {{series: Series, wanted: () => number[]}[]} active The shown layer first; `wanted` tells which positions
   *   are looked at now, most urgent first.
   */
  show(active) {
    this.#active = active;
    for (const [series, requests] of this.#busy) {
      if (active.some((entry) => entry.series === series)) continue;
      for (const { abort } of requests) abort.abort();
      this.#busy.delete(series);
    }
    for (const { series } of active) if (series.behind) this.refresh(series);
    this.pump();
  }

  /** Ask which snapshots there are now. */
  async refresh(series) {
    if (series.listing) return;
    series.listing = true;
    const { layer } = series;
    try {
      const { snapshots, kept } = await fetchSnapshots(series.run, series.layer.tag);
      series.kept = kept;
      series.listedAs = layer;
      if (series.list(snapshots)) series.queue = null;
      this.#onFault(null);
      this.#onChange();
      this.pump();
    } catch (error) {
      this.#onFault(error.message);
    } finally {
      series.listing = false;
    }
  }

  /** Start requests for as long as there is something to ask for. */
  pump() {
    for (const entry of this.#active) {
      const requests = this.#busy.get(entry.series) ?? [];
      while (entry.series.listed && requests.length < PARALLEL) {
        const positions = this.#next(entry, requests);
        if (!positions.length) break;
        this.#request(entry.series, positions, requests);
      }
    }
  }

  #next({ series, wanted }, requests) {
    const asked = new Set(requests.flatMap(({ steps }) => steps));
    const open = (position) => {
      const snapshot = series.snapshots[position];
      return snapshot && !snapshot.weights && !snapshot.problem && !asked.has(snapshot.step);
    };
    const urgent = wanted().filter(open);
    if (!series.header) return requests.length ? [] : [...new Set([series.count - 1, 0, ...urgent])].filter(open);
    const each = series.bytes / Math.max(series.loaded, 1);
    const most = Math.max(1, Math.min(MOST_STEPS, Math.floor(REQUEST / each)));
    // The first answers should come quickly: a scrubber with sixteen stops is already of use.
    const room = Math.min(most, Math.max(16, 2 * series.loaded));
    const chosen = urgent.slice(0, room);
    series.queue ??= coarseToFine(series.count).reverse();
    const free = (BUDGET - this.#bytes()) / each - asked.size;
    while (chosen.length < Math.min(room, free) && series.queue.length) {
      const position = series.queue.pop();
      if (open(position) && !chosen.includes(position)) chosen.push(position);
    }
    return chosen;
  }

  async #request(series, positions, requests) {
    const steps = positions.map((position) => series.snapshots[position].step);
    const request = { steps, abort: new AbortController() };
    requests.push(request);
    this.#busy.set(series, requests);
    try {
      const records = await fetchBanks(series.run, series.layer.tag, steps, request.abort.signal);
      series.putAll(records);
      this.#evict();
      this.#onFault(null);
    } catch (error) {
      series.queue = null;
      if (error.name !== "AbortError") this.#onFault(error.message);
      return;
    } finally {
      requests.splice(requests.indexOf(request), 1);
    }
    this.#onChange();
    this.pump();
  }

  #bytes() {
    let sum = 0;
    for (const series of this.#series.values()) sum += series.bytes;
    return sum;
  }

  /** Forget layers not used for longest, then snapshots of the shown layers far from where the user looks. */
  #evict() {
    const shown = new Set(this.#active.map(({ series }) => series));
    for (const [key, series] of this.#series) {
      if (this.#bytes() <= BUDGET) return;
      if (!shown.has(series)) this.#series.delete(key);
    }
    for (const { series, wanted } of this.#active) {
      const [here = series.count - 1] = wanted();
      const kept = new Set([...wanted(), series.reference, series.count - 1]);
      const far = series.loadedPositions.filter((i) => !kept.has(i));
      far.sort((a, b) => Math.abs(a - here) - Math.abs(b - here));
      while (this.#bytes() > BUDGET && far.length) series.drop(far.pop());
    }
  }
}
