/** The small box that explains a word, for as long as the pointer or the focus is on it. */

import { button, el } from "./dom.js";

const GAP = 6;

const box = el("div", { class: "meaning", id: "filterscope-meaning", role: "tooltip", hidden: true });
/** Whose box it is. */
let owner = null;

/** Where it is not covered: in the dialog that its word stands in, or in the page. */
function home() {
  return owner.closest("dialog") ?? document.body;
}

function show(element, words) {
  hide();
  owner = element;
  home().append(box);
  box.textContent = words;
  box.hidden = false;
  element.setAttribute("aria-describedby", box.id);
  const word = element.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const left = Math.min(word.left, clientWidth - box.offsetWidth - GAP);
  const below = word.bottom + GAP;
  const top = below + box.offsetHeight > clientHeight ? word.top - GAP - box.offsetHeight : below;
  box.style.transform = `translate(${Math.round(Math.max(left, GAP))}px, ${Math.round(Math.max(top, GAP))}px)`;
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("scroll", hide, true);
}

function hide() {
  if (!owner) return;
  owner.removeAttribute("aria-describedby");
  owner = null;
  box.hidden = true;
  document.removeEventListener("keydown", onKey, true);
  document.removeEventListener("scroll", hide, true);
}

/** Escape closes this box and nothing else. */
function onKey(event) {
  if (event.key !== "Escape" || !owner.isConnected) return;
  event.preventDefault();
  event.stopPropagation();
  hide();
}

/**
 * A button that explains itself.
 *
 * @param {object} properties As for `el`.
 * @param {string} words
 */
export function explained(properties, words) {
  const open = () => show(element, words);
  const leave = () => owner === element && hide();
  // A finger has no hover, and Safari gives a button that is pressed no focus.
  const element = button(properties, open);
  for (const event of ["pointerenter", "focus"]) element.addEventListener(event, open);
  for (const event of ["pointerleave", "blur"]) element.addEventListener(event, leave);
  return element;
}
