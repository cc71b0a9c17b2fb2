/** Where the tiles of a grid lie: as large as the room allows, in reading order, whole device pixels. */

const MARGIN = 12;
const LEAST = { w: 40, h: 34 };
/** Size of tiles that do not all fit, and are scrolled through. */
const SCROLLED = { w: 48, h: 44 };
const ASPECT = 1.45;
/** Least widths of tiles of a size that was asked for. */
const SIZES = { s: 72, m: 128, l: 220, xl: 440 };

/**
 * @param {number} count Tiles.
 * @param {number} width Room, CSS pixels.
 * @param {number} height Room without scrolling.
 * @param {number} ratio Device pixels per CSS pixel.
 * @param {string} size `fit`: all of them in the room; else one of `SIZES`.
 */
export function layTiles(count, width, height, ratio, size = "fit") {
  const room = { w: Math.max(width - 2 * MARGIN, LEAST.w), h: Math.max(height - 2 * MARGIN, LEAST.h) };
  const { columns, cell } = size in SIZES ? sizedTiles(SIZES[size], room) : fittingTiles(count, room);
  const gap = cell.h > 90 ? 8 : cell.h > 56 ? 6 : 3;
  const head = cell.h > 70 ? 17 : cell.h > 30 ? 12 : 0;
  const snap = (value) => Math.round(value * ratio) / ratio;
  const tiles = Array.from({ length: count }, (_, i) => {
    const x = snap(MARGIN + (i % columns) * cell.w);
    const y = snap(MARGIN + Math.floor(i / columns) * cell.h);
    return { x, y, w: snap(cell.w - gap), h: snap(cell.h - gap) };
  });
  const pad = cell.h > 70 ? 5 : cell.h > 46 ? 3 : 2;
  /** The part of a tile that is drawn in, below its number. */
  const inner = tiles.map(({ x, y, w, h }) => ({
    x: snap(x + pad),
    y: snap(y + head + (head ? 0 : pad)),
    w: snap(w - 2 * pad),
    h: snap(h - head - pad - (head ? 0 : pad)),
  }));
  const contentHeight = Math.ceil(count / columns) * cell.h + 2 * MARGIN - gap;
  const [font, radius] = head === 17 ? [11, 5] : [9, 3];
  return { columns, cell, tiles, inner, head, font, radius, width, height: Math.max(contentHeight, 0) };
}

function sizedTiles(least, room) {
  const columns = Math.max(1, Math.floor(room.w / least));
  const w = room.w / columns;
  return { columns, cell: { w, h: w / ASPECT } };
}

/** As large as all of them fit; where that is too small, so large that one sees something. */
function fittingTiles(count, room) {
  const most = largestTile(count);
  let columns = bestColumns(count, room, most);
  const cell = { w: Math.min(room.w / columns, most.w), h: Math.min(room.h / Math.ceil(count / columns), most.h) };
  if (cell.h < LEAST.h || cell.w < LEAST.w) {
    columns = Math.max(1, Math.floor(room.w / SCROLLED.w));
    Object.assign(cell, { w: room.w / columns, h: SCROLLED.h });
  } else if (cell.w / cell.h > 2.2) {
    cell.w = Math.max(2.2 * cell.h, LEAST.w);
  } else if (cell.h / cell.w > 1.1) {
    cell.h = Math.max(1.1 * cell.w, LEAST.h);
  }
  return { columns, cell };
}

/** The size after the shown one: larger (1), smaller (-1), or the fitting one (0). */
export function nextSize(size, { cell }, by) {
  if (!by) return "fit";
  const names = Object.keys(SIZES);
  if (size in SIZES) return names[Math.min(Math.max(names.indexOf(size) + by, 0), names.length - 1)];
  const other = names.filter((name) => (by > 0 ? SIZES[name] > 1.05 * cell.w : SIZES[name] < 0.95 * cell.w));
  return (by > 0 ? other[0] : other.at(-1)) ?? size;
}

/** A few tiles may be large, but not so large that a line of eight taps fills the screen. */
function largestTile(count) {
  const w = Math.max(420, 880 / Math.sqrt(count));
  return { w, h: 0.6 * w };
}

function bestColumns(count, room, most) {
  let best = 1;
  let bestScore = Infinity;
  for (let columns = 1; columns <= Math.min(count, 200); columns++) {
    const rows = Math.ceil(count / columns);
    const [w, h] = [Math.min(room.w / columns, most.w), Math.min(room.h / rows, most.h)];
    // Empty cells at the end are a lesser evil than a bad shape; small tiles are the worst.
    const score = Math.abs(Math.log(w / h / ASPECT)) + (rows * columns) / count - 0.15 * Math.log(w * h);
    if (score < bestScore) [best, bestScore] = [columns, score];
  }
  return best;
}

/** The tile under a point; -1 if there is none. */
export function tileAt({ tiles }, x, y) {
  return tiles.findIndex((tile) => x >= tile.x && x < tile.x + tile.w && y >= tile.y && y < tile.y + tile.h);
}
