"""Colours of the tab, from those of the pictures: ``python -m tests.support.colour_tables`` writes its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap

import filterscope
from filterscope.plots.drawing.colours import DECIBEL_CMAP, ROTATION_CMAP, ROTATION_SHARES, ROTATION_TICKS, SIGNED_CMAP

FILE = Path(filterscope.__file__).parent / "tab" / "static" / "draw" / "tables.js"
#: RGB colours that fill a line.
_PER_LINE = 18


def text() -> str:
    """What the file holds."""
    parts = [
        "/** Colours of the pictures' maps, 256 of each, written by `python -m tests.support.colour_tables`. */\n",
        *(_table(name, cmap) for name, cmap in (("SIGNED", SIGNED_CMAP), ("DECIBEL", DECIBEL_CMAP))),
        "/** On a dark page: what is nothing recedes there, too. */",
        _table("SIGNED_DARK", colormaps["berlin"]),
        "/** Of change on a light page: the more, the darker. */",
        _table("CHANGE", colormaps["BuPu"]),
        _table("ROTATION", ROTATION_CMAP),
        "/** The ticks of the scale of rotation, and where they lie on it. */",
        f"export const ROTATION_TICKS = {list(ROTATION_TICKS)};",
        f"export const ROTATION_SHARES = {list(ROTATION_SHARES)};\n",
    ]
    return "\n".join(parts)


def _table(name: str, cmap: Colormap) -> str:
    rows = np.round(255 * cmap(np.linspace(0, 1, 256))[:, :3]).astype(np.uint8)
    lines = [rows[start : start + _PER_LINE].tobytes().hex() for start in range(0, 256, _PER_LINE)]
    joined = "".join(f'  "{line}",\n' for line in lines)
    return f'export const {name} = [\n{joined}].join("");\n'


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
