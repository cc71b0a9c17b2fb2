/** What a search for filters says: `12 40-44 dead peak 100-200`. What meets any part of it is found. */

import { PREFIXES } from "./format.js";

const NUMBER = String.raw`([-−]?\d*\.?\d+(?:e[-−+]?\d+)?)`;
const UNIT = String.raw`\s*([kmg](?:hz)?|hz)?`;
const TO = String.raw`\s*(?:-|–|\.\.|to\s)\s*`;
const PEAK = new RegExp(String.raw`\bpeak\s+${NUMBER}${UNIT}${TO}${NUMBER}${UNIT}(?![a-z\d]|\.\d)`, "gi");
/** No range is longer: a slip of the finger should not take a second. */
const LONGEST = 9999;

/** Ends of a range as numbers. In `1-2 kHz` both are thousands, in `100-2k` the second one. */
function rangeOf(one, its, other, unit) {
  const [low, high] = [one, other].map((text) => Number(text.replaceAll("−", "-")));
  const times = (each) => PREFIXES.find(([prefix]) => prefix.toLowerCase() === each?.[0]?.toLowerCase())?.[1] ?? 1;
  const ends = [low * times(its ?? (low <= high ? unit : "")), high * times(unit)];
  return [Math.min(...ends), Math.max(...ends)];
}

/**
 * @param {string} text
 * @returns {{numbers: Set<number>, words: Set<string>, peaks: [number, number][]}} Filters' numbers; other words in
 *   lower case; ranges of peak frequencies.
 */
export function readSearch(text) {
  const peaks = [];
  const rest = text.replace(PEAK, (_, ...parts) => {
    peaks.push(rangeOf(...parts));
    return " ";
  });
  const numbers = new Set();
  const words = new Set();
  for (const part of rest.toLowerCase().split(/[\s,;]+/)) {
    const range = /^#?(\d{1,7})(?:[-–](\d{1,7}))?$/.exec(part);
    if (!range) {
      if (part) words.add(part);
      continue;
    }
    const [low, high] = [Number(range[1]), Number(range[2] ?? range[1])];
    for (let number = low; number <= Math.min(high, low + LONGEST); number++) numbers.add(number);
  }
  return { numbers, words, peaks };
}

/** The search with a word more, or without it. */
export function toggledWord(text, word) {
  const parts = text.split(/([\s,;]+)/);
  if (!parts.some((part) => part.toLowerCase() === word)) return `${text.trim()} ${word}`.trim();
  return parts
    .filter((part) => part.toLowerCase() !== word)
    .join("")
    .trim();
}

/** The search without its ranges of peak frequencies. */
export function withoutPeaks(text) {
  return text.replace(PEAK, " ").replace(/\s+/g, " ").trim();
}
