/** How far a layer has turned by now. */

/**
 * @param {import("../data/api.js").Layer} layer
 * @returns {number | undefined} NaN if it is no number any more, as of weights that are NaN or all 0; undefined where
 *   none was logged.
 */
export function turnedNow({ rotation, max_step }) {
  const last = rotation.at(-1);
  return last && last[0] < max_step ? NaN : last?.[1];
}
