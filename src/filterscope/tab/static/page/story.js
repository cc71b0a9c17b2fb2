/** What happened in the shown run and the one that it is compared with, for the scrubber. */

import { Overview } from "../data/overview.js";

export class Story {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.rival = new Overview(() => app.schedule());
  }

  /** Ask for what is new. */
  refresh() {
    this.app.overlook.data.refresh();
    const { beside, overview } = this.app.model;
    if (beside && !overview) this.rival.refresh();
    else this.rival.forget();
  }

  /**
   * @param {boolean} ready Whether the layer is in sight: what happened is asked for after that.
   * @returns {Pick<import("../panels/transport.js").Story, "own" | "other">}
   */
  of(ready) {
    const { model, state, overlook } = this.app;
    const { series, beside } = model;
    if (series && ready) overlook.data.want(series.run, state.scalar);
    const own = overlook.data.answer?.run === series?.run ? overlook.data.answer : null;
    // The same scalar, whoever chose it.
    if (ready && own && beside) this.rival.want(beside.run, own.scalar ?? "");
    return { own, other: beside && this.rival.answer?.run === beside.run ? this.rival.answer : null };
  }
}
