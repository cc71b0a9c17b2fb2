/** Light and dark: TensorBoard's own choice where it can be read, else the browser's. */

import { setTheme } from "../draw/palette.js";

function parentBody() {
  try {
    return window.parent !== window ? window.parent.document.body : null;
  } catch {
    return null; // TensorBoard itself sits in a page of another origin
  }
}

/** Follow TensorBoard's switch; `onChange` is called after the palette has changed. */
export function followTheme(onChange) {
  const body = parentBody();
  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const dark = body ? body.classList.contains("dark-mode") : preference.matches;
    const name = dark ? "dark" : "light";
    setTheme(name);
    if (document.documentElement.dataset.theme === name) return;
    document.documentElement.dataset.theme = name;
    onChange();
  };
  if (body) new MutationObserver(apply).observe(body, { attributes: true, attributeFilter: ["class"] });
  else preference.addEventListener("change", apply);
  apply();
}
