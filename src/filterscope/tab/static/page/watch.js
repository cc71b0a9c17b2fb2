/** Looks for new data every few seconds, for as long as someone can see the page. */

import { fetchLayers } from "../data/api.js";
import { onReload } from "./host.js";

/** Milliseconds between two looks. */
const INTERVAL = 5000;

export class Watch {
  #asking = false;
  #onAnswer;
  #onFault;

  /** @param {(answer: Awaited<ReturnType<typeof fetchLayers>>) => void} onAnswer @param {(message: string) => void} onFault */
  constructor(onAnswer, onFault) {
    this.#onAnswer = onAnswer;
    this.#onFault = onFault;
  }

  /** @param {ReturnType<typeof fetchLayers>} first An answer that is on its way. */
  start(first) {
    const look = () => {
      // TensorBoard keeps the tabs that are not shown, without a size.
      const visible = document.visibilityState === "visible" && document.documentElement.clientWidth > 0;
      if (visible && !this.#asking) this.#ask(fetchLayers());
    };
    document.addEventListener("visibilitychange", look);
    onReload(look);
    setInterval(look, INTERVAL);
    this.#ask(first);
  }

  async #ask(coming) {
    this.#asking = true;
    try {
      this.#onAnswer(await coming);
    } catch (error) {
      this.#onFault(error.message);
    } finally {
      this.#asking = false;
    }
  }
}
