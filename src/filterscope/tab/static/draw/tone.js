/** The colour that a filter is drawn in. */

import { rotationColour } from "./colours.js";
import { theme } from "./palette.js";

/**
 * That of its rotation from what it is compared with; a plain one where it is compared with nothing.
 *
 * @param {{rotation: ArrayLike<number>, plain?: boolean}} frame
 * @param {number} row
 */
export function toneOf({ rotation, plain }, row) {
  return plain ? theme.plain : rotationColour(rotation[row], theme.undefinedLine);
}
