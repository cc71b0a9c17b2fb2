/** What a snapshot is compared with: the initial filters, another moment of the same layer, or another run. */

/**
 * @typedef {object} Against
 * @property {string} choice As the address has it: what the user's choice has come to.
 * @property {Float32Array | null} weights Of a bank of the same shape; null where there is nothing to compare with.
 * @property {string} words When and whose they are; empty without.
 * @property {string | null} fault Why it is not what the user chose.
 * @property {boolean} moves Whether it is another one for another snapshot.
 * @property {string} key Another one for what a scale or an order has to be taken anew for.
 * @property {(position: number) => Against} at The same for another loaded snapshot, for one use.
 */

/** How many snapshots back a choice means; 0 if it means something else. */
export function stepsBack(choice) {
  return choice === "previous" ? 1 : Number(/^back:(\d+)$/.exec(choice)?.[1] ?? 0);
}

/** Whether two layers, or headers, hold filters that lie behind one another. */
export function comparable(one, other) {
  return Boolean(
    one?.shape &&
      other?.shape &&
      one.complex === other.complex &&
      one.shape.every((size, i) => size === other.shape[i]),
  );
}

/**
 * @param {string} choice "initial", "none", "pinned", "previous", "back:" and a number, or "run:" and a name.
 * @param {number} shown Position of a loaded snapshot.
 * @param {{series: import("./series.js").Series, other: import("./series.js").Series | null, pinned: number}} what
 *   `other` is the layer in the run of the choice, `pinned` a position or -1.
 * @param {(of: import("./series.js").Series, place: number) => Float32Array} [read]
 * @returns {Against}
 */
export function against(choice, shown, { series, other, pinned }, read = (of, place) => of.weights(place)) {
  const back = stepsBack(choice);
  let fault = null;
  if (other?.header && !comparable(series.header, other.header)) fault = `${other.run} has another shape`;
  if (choice.startsWith("run:") && !other) fault = `nothing of ${choice.slice(4)} to compare with`;
  const lost = fault || (choice === "pinned" && pinned < 0);
  if (lost) choice = "initial";
  const kept = lost ? null : other;
  const at = (position) => against(choice, position, { series, other: kept, pinned }, (of, place) => of.glance(place));
  const found = (of, place, words, near = false) => {
    const there = place >= 0;
    const own = of === series;
    const key = [choice, choice === "pinned" && place, there, near, own || Math.ceil(Math.log2(of.loaded + 1))].join(
      " ",
    );
    let weights = null;
    return {
      choice,
      get weights() {
        if (there) weights ??= read(of, place);
        return weights;
      },
      words: there ? words(of.moment(place, own ? series.unit : of.unitWith(series))) : "",
      fault,
      moves: back > 0 || !own,
      key,
      at,
    };
  };
  if (choice === "none") return found(series, -1, String);
  if (choice === "pinned") return found(series, series.nearest(pinned), String);
  if (back) {
    const place = earlier(series, shown, back);
    if (place < 0) fault = `nothing before ${series.moment(shown)} to compare with`;
    return found(series, place, String, place !== Math.max(shown - back, 0));
  }
  if (choice.startsWith("run:")) return found(other, other.nearestTo(series, shown), (when) => `${other.run}, ${when}`);
  return found(series, series.reference, String);
}

/** The loaded position before a snapshot that is nearest to so many before it; -1 without any. */
function earlier(series, shown, back) {
  const target = Math.max(shown - back, 0);
  for (let reach = 0; reach < shown; reach++) {
    for (const place of [target - reach, target + reach]) if (place < shown && series.isLoaded(place)) return place;
  }
  return -1;
}
