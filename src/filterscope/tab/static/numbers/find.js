/** What a search for filters says: `12 40-44 dead peak 100-200`. What meets any part of it is found. */

const NUMBER = String.raw`[-−]?\d*\.?\d+(?:e[-−+]?\d+)?k?`;
const PEAK = new RegExp(String.raw`\bpeak\s+(${NUMBER})\s*(?:-|–|\.\.|to\s)\s*(${NUMBER})(?:\s*k?hz)?`, "gi");
/** No range is longer: a slip of the finger should not take a second. */
const LONGEST = 9999;

/** `1.2k` as a number. */
function amount(text) {
  const plain = text.replaceAll("−", "-");
  return /k$/i.test(plain) ? 1000 * Number(plain.slice(0, -1)) : Number(plain);
}

/**
 * @param {string} text
 * @returns {{numbers: Set<number>, words: Set<string>, peaks: [number, number][]}} Filters' numbers; other words in
 *   lower case; ranges of peak frequencies.
 */
export function readSearch(text) {
  const peaks = [];
  const rest = text.replace(PEAK, (_, one, other) => {
    const ends = [amount(one), amount(other)];
    peaks.push([Math.min(...ends), Math.max(...ends)]);
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
