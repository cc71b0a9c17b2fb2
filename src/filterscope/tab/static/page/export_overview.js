/** The overview as a picture: all of its rows, not only those in sight, word by word where the page has them. */

import { theme } from "../draw/palette.js";
import { pictureOf, safeName } from "./export.js";

/**
 * @param {import("../panels/overview.js").OverviewPanel} panel As it is shown.
 * @param {string} run Its name.
 */
export function saveOverview(panel, run) {
  const blocks = [panel.head, panel.scalar.element, panel.list];
  const width = panel.scroller.clientWidth;
  const height = blocks.reduce((sum, block) => sum + block.offsetHeight, 0);
  const { context, keep } = pictureOf(width, height, window.devicePixelRatio || 1, theme.page);
  let y = 0;
  for (const block of blocks) {
    copyBlock(context, block, y);
    y += block.offsetHeight;
  }
  keep(`${safeName(run, "overview")}.png`);
}

/** What of a part of the page is painted: canvases, frames, the colour scale, and words. */
function copyBlock(context, block, y) {
  const base = block.getBoundingClientRect();
  const placeOf = (one) => {
    const { left, top, width, height } = one.getClientRects()[0] ?? one.getBoundingClientRect();
    return { x: left - base.left, y: top - base.top + y, w: width, h: height };
  };
  const found = (selector) => [...block.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  for (const canvas of found("canvas")) {
    const { x, y: top, w, h } = placeOf(canvas);
    if (w && h) context.drawImage(canvas, x, top, w, h);
  }
  context.strokeStyle = theme.edge;
  for (const frame of found(".finding")) {
    const { x, y: top, w, h } = placeOf(frame);
    context.beginPath();
    context.roundRect(x + 0.5, top + 0.5, w - 1, h - 1, 13);
    context.stroke();
  }
  for (const bar of found(".legend-bar")) paintScale(context, placeOf(bar), bar.style.background);
  for (const key of found(".overview-dead-key")) {
    const { x, y: top, h } = placeOf(key);
    context.fillStyle = theme.plain;
    context.fillRect(x, top + h / 2 - 1, 18, 2);
  }
  copyWords(context, block, placeOf);
}

function paintScale(context, { x, y, w, h }, background) {
  const colours = background.match(/rgb\([^)]*\)/g) ?? [];
  const fill = context.createLinearGradient(x, 0, x + w, 0);
  colours.forEach((colour, i) => fill.addColorStop(i / Math.max(colours.length - 1, 1), colour));
  context.fillStyle = fill;
  context.fillRect(x, y, w, h);
}

/** Every word where it stands: lines are broken as on the page. */
function copyWords(context, block, placeOf) {
  const words = (text, parent, place) => {
    const style = getComputedStyle(parent);
    // The shorthand is empty where digits are of one width.
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const clip = placeOf(parent);
    context.save();
    if (style.overflowX === "hidden") {
      context.beginPath();
      context.rect(clip.x, clip.y, clip.w, clip.h);
      context.clip();
    }
    context.fillText(text, place.x, place.y + place.h / 2);
    context.restore();
  };
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!parent.checkVisibility() || parent.closest("select, button.menu")) continue;
    if (parent.matches(".overview-dead")) {
      // It takes the place of the shape in narrow windows.
      const { x, y, w, h } = placeOf(parent);
      context.fillStyle = theme.page;
      context.fillRect(x, y, w, h);
    }
    for (const { 0: word, index } of node.nodeValue.matchAll(/\S+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      words(word, parent, placeOf(range));
    }
  }
  for (const select of block.querySelectorAll("select")) {
    const { x, ...place } = placeOf(select);
    words(select.selectedOptions[0]?.text ?? "", select, { x: x + 8, ...place });
  }
}
