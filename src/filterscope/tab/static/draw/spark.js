/** A layer's rotation in the space of a word. */

import { fitCanvas } from "./canvas.js";
import { rotationColour, rotationShare } from "./colours.js";
import { theme } from "./palette.js";

/** Rotation over the steps, on the one scale that all layers and runs share, with a dot where it is now; in CSS pixels. */
export function drawSpark(canvas, { rotation, max_step }, { w, h }) {
  const context = fitCanvas(canvas, w, h);
  context.clearRect(0, 0, w, h);
  if (!rotation.length) return;
  const first = rotation[0][0];
  const span = Math.max(max_step, rotation.at(-1)[0]) - first || 1;
  const x = (step) => 2 + ((step - first) / span) * (w - 7);
  const y = (value) => h - 3 - rotationShare(value) * (h - 6);
  context.beginPath();
  rotation.forEach(([step, value], i) => (i ? context.lineTo(x(step), y(value)) : context.moveTo(x(step), y(value))));
  context.strokeStyle = theme.grey;
  context.lineWidth = 1.25;
  context.lineJoin = "round";
  context.stroke();
  const [step, value] = rotation.at(-1);
  if (step < max_step) return;
  context.beginPath();
  context.arc(x(step), y(value), 2.5, 0, 2 * Math.PI);
  context.fillStyle = rotationColour(value, theme.undefinedLine);
  context.fill();
}
