/** What the server tells of all layers of a run at once, on an axis of time; kept up to date while it is looked at. */

import { timeOf } from "../numbers/timeline.js";
import { fetchOverview } from "./api.js";

export class Overview {
  #key = "";
  #asking = null;
  /** What is there of the wanted run; null while none of it is. @type {ReturnType<typeof placed> & {run: string, etag: string}} */
  answer = null;
  fault = null;

  /** @param {() => void} onChange Called after anything came. */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** Have the overview of a run, with a scalar (`null`: the server's choice, empty: none), if it is not there yet. */
  want(run, scalar) {
    const key = JSON.stringify([run, scalar]);
    if (key === this.#key) return;
    if (this.answer?.run !== run) this.answer = null;
    this.#key = key;
    this.#asking?.abort();
    this.#ask(run, scalar);
  }

  /** Look whether there is more of it. */
  refresh() {
    if (this.#key && !this.#asking) this.#ask(...JSON.parse(this.#key));
  }

  async #ask(run, scalar) {
    const abort = new AbortController();
    this.#asking = abort;
    try {
      const [etag, found] = await fetchOverview(run, scalar, abort.signal);
      if (this.#asking !== abort) return;
      this.fault = null;
      if (etag === null || etag !== this.answer?.etag) this.answer = { run, etag, ...placed(found) };
    } catch (error) {
      if (error.name === "AbortError") return;
      this.fault = error.message;
    } finally {
      if (this.#asking === abort) this.#asking = null;
    }
    this.onChange();
  }
}

/** The answer with times in place of steps: `layers` by tag, each `{steps, times, values}`, and the scalar's `curve`. */
function placed({ unit, clock, scalars, scalar, curve, axes, changes }) {
  const time = timeOf(unit, clock);
  const times = axes.map((steps) => steps.map(time));
  const layers = new Map(
    changes.map(([tag, axis, values]) => [tag, { steps: axes[axis], times: times[axis], values }]),
  );
  const points = curve.map(([step, value]) => [time(step), value]);
  const ends = [...clock.map(([step]) => time(step)), ...times.flatMap((each) => [each[0], each.at(-1)])];
  for (const point of [points[0], points.at(-1)]) if (point) ends.push(point[0]);
  const low = ends.length ? Math.min(...ends) : 0;
  const high = ends.length ? Math.max(...ends) : 1;
  return { unit, time, scalars, scalar, curve: points, layers, axis: { low, high: high > low ? high : low + 1 } };
}
