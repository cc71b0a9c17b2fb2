/** What canvases are painted with, in light and dark. */

/** The style sheet holds the same tones for everything else. */
const PALETTES = {
  light: {
    page: "#ffffff",
    ground: "#f3f4f6",
    tile: "#ffffff",
    edge: "#e3e6ea",
    ink: "#111827",
    grey: "#566070",
    faint: "#d5d9df",
    ghost: "#c3cad3",
    zero: "#e6e9ed",
    dead: "#e3e6ea",
    broken: "#ffc44d",
    plain: "#2f6db3",
    accent: "#f57c00",
    undefinedLine: "#98a3af",
  },
  dark: {
    page: "#1b1d21",
    ground: "#1b1d21",
    // Dark enough for every colour of the rotation map to stand out 3 : 1.
    tile: "#0f1113",
    edge: "#2b2f35",
    ink: "#e8eaed",
    grey: "#a3abb6",
    faint: "#3a3f47",
    ghost: "#565e69",
    zero: "#262a2f",
    dead: "#2d3137",
    broken: "#6b4a08",
    plain: "#6aa5e8",
    accent: "#ff9a3c",
    undefinedLine: "#98a3af",
  },
};

/** What canvases are written with. */
export const FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** Palette of the moment, and its name. */
export const theme = { name: "light", ...PALETTES.light };

/** @param {"light" | "dark"} name */
export function setTheme(name) {
  Object.assign(theme, { name }, PALETTES[name]);
}
