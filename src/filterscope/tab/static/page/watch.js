/** Looks for new data every few seconds, for as long as someone can see the page. */

import { fetchLayers } from "../data/api.js";
import { onReload } from "./host.js";

/** Milliseconds between two looks. */
const INTERVAL = 5000;

/**
 * @param {ReturnType<typeof fetchLayers>} first An answer that is on its way.
 * @param {(answer: Awaited<ReturnType<typeof fetchLayers>>) => void} onAnswer
 * @param {(message: string) => void} onFault
 */
export function watch(first, onAnswer, onFault) {
  let asking = false;
  const ask = async (coming) => {
    asking = true;
    try {
      onAnswer(await coming);
    } catch (error) {
      onFault(error.message);
    } finally {
      asking = false;
    }
  };
  const look = () => {
    // TensorBoard keeps the tabs that are not shown, without a size.
    const visible = document.visibilityState === "visible" && document.documentElement.clientWidth > 0;
    if (visible && !asking) ask(fetchLayers());
  };
  document.addEventListener("visibilitychange", look);
  onReload(look);
  setInterval(look, INTERVAL);
  ask(first);
}
