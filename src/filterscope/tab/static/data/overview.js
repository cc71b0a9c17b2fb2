/** What the server tells of all layers of a run at once, on an axis of time; kept up to date while it is looked at. */

import { timeOf } from "../numbers/timeline.js";
import { fetchOverview } from "./api.js";

/** @typedef {Overview["answer"]} Answer */

export class Overview {
  #key = "";
  #asking = null;
  /** @type {{scalar: string | null, answer: Promise<[string | null, any]> | null} | null} */
  #coming = null;
  /** What is there of the wanted run; null while none of it is. @type {ReturnType<typeof placed> & {run: string, etag: string}} */
  answer = null;
  fault = null;

  /** @param {() => void} onChange Called after anything came. */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /**
   * One is on its way already: it is taken if it turns out to be what is wanted first.
   *
   * @param {string | null} scalar
   * @param {Promise<[string | null, any]> | null} answer Of `fetchOverview`; null where none was asked for.
   */
  expect(scalar, answer) {
    this.#coming = { scalar, answer };
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

  /** It is wanted no more: when it is again, it is asked for anew. */
  forget() {
    this.#asking?.abort();
    this.#asking = null;
    this.#key = "";
    this.answer = null;
  }

  async #ask(run, scalar) {
    const abort = new AbortController();
    this.#asking = abort;
    try {
      const [etag, found] = (await this.#expected(run, scalar)) ?? (await fetchOverview({ run }, scalar, abort.signal));
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

  async #expected(run, scalar) {
    const coming = this.#coming;
    this.#coming = null;
    if (!coming?.answer || coming.scalar !== scalar) return null;
    const found = await coming.answer.catch(() => null);
    return found?.[1].run === run ? found : null;
  }
}

/** The answer with times in place of steps: `layers` by tag, each `{steps, times, values}`, and the scalar's `curve`;
 * `points` are the same with steps. */
function placed({ unit, clock, scalars, scalar, curve, axes, changes }) {
  const time = timeOf(unit, clock);
  const times = axes.map((steps) => steps.map(time));
  const layers = new Map(
    changes.map(([tag, axis, values]) => [tag, { steps: axes[axis], times: times[axis], values }]),
  );
  const timed = curve.map(([step, value]) => [time(step), value]);
  const ends = [...clock.map(([step]) => time(step)), ...times.flatMap((each) => [each[0], each.at(-1)])];
  for (const point of [timed[0], timed.at(-1)]) if (point) ends.push(point[0]);
  const low = ends.length ? Math.min(...ends) : 0;
  const high = ends.length ? Math.max(...ends) : 1;
  return {
    unit,
    time,
    scalars,
    scalar,
    points: curve,
    curve: timed,
    layers,
    axis: { low, high: high > low ? high : low + 1 },
  };
}
