/** Words and what they mean: the one table of them, for words that explain themselves and for the page of meanings. */

import { explained } from "./popover.js";

/** A word of the tab, and one or two plain sentences. In the order in which they are listed. */
export const MEANINGS = {
  filter: "One output channel of a layer: the weights that it lays over the signal, channels × taps of them.",
  tap: "One position along a filter. Tap 0 meets the oldest sample.",
  channel: "One input of the layer. A filter has its own taps for each.",
  snapshot: "The weights as they were recorded at one moment of the training; the scrubber goes from one to the next.",
  rotation:
    "How far a filter has turned from what it is compared with: 1 minus the cosine between both. " +
    "0 is unmoved, 1 has nothing in common any more (orthogonal), 2 is reversed. Its size does not matter.",
  change: "How far the weights moved since the snapshot before, as a share of their size then.",
  difference: "The weights now minus those of what you compare with: what was learned since.",
  weight: "The number that a filter multiplies a sample with. Red is positive, blue is negative.",
  norm: "The size of a filter: the root of the sum of its squared weights.",
  pale: "What lies in pale behind a filter is what you compare it with, such as itself before the training.",
  "tile edge":
    "The weight at which a curve would touch the upper or lower edge of its tile. All tiles share it, so that " +
    "their sizes compare; per filter gives each tile a scale of its own.",
  corner: "A filter with a mark in its corner goes beyond the shared scale: what lies beyond is cut off.",
  dead: "A filter whose norm is below 1 % of the layer's median: it adds next to nothing to what the layer says.",
  "NaN or Inf": "A weight that is no number any more, or infinite: the training has come apart there.",
  "principal shape":
    "The one curve over the taps that tells most of all channels of a filter together " +
    "(the first singular vector, in units of weight).",
  "principal direction":
    "The mix of channels along which a filter has learned most by now. All moments show this one sum of its channels.",
  "size over channels": "The root of the sum of squares over all channels, tap by tap. It has no sign.",
  logo:
    "Letters stacked by their weights, the largest outermost: upwards what raises the filter's answer, downwards what " +
    "lowers it. The mean of the letters is taken off at each tap, which changes nothing for one letter at a time.",
  strip: "The colour of the strip before a logo is the filter's rotation.",
  frame: "The colour of the frame around a tile is the filter's rotation.",
  response: "How much of each frequency a filter lets pass, all channels together.",
  peak: "The frequency that a filter lets pass most.",
  dB: "Decibels below the most that a filter lets pass: −6 dB is half the amplitude, −20 dB a tenth, −40 dB a hundredth.",
  "cycles/sample":
    "Frequency where the sample rate is not known: 0.5 is the highest, one swing in two samples. " +
    "With sample_rate it is told in Hz.",
  "stride folds":
    "A layer with a stride keeps one sample in so many. Frequencies above the dashed line come out as lower " +
    "ones: they are folded back (stride alias).",
  repeats:
    "A dilated layer skips samples between its taps, and so cannot tell frequencies above the end of the axis from " +
    "those below: its response repeats.",
};

/**
 * A word that explains itself on hover and focus.
 *
 * @param {string} word One of them.
 * @param {string} [text] What stands there, if not the word itself.
 * @returns {HTMLElement}
 */
export function term(word, text = word) {
  return explained({ class: "term", "data-testid": "term", "data-term": word, text }, MEANINGS[word]);
}
