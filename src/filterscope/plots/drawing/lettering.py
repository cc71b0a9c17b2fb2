"""Text as filled outlines, which the canvas draws at a fraction of the cost of rendering glyph by glyph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Affine2D

from filterscope.filters.arrays import Array

#: Height of a capital letter, in units of the font size.
_CAPITAL = 0.73
#: Normal type is struck twice, so far to either side and up and down, in units of the font size: TensorBoard shrinks
#: images by nearest neighbour, and hairlines would vanish. A line around each glyph would take four times the time.
_STRIKE = np.array([0.03, 0.026])
_SHAPES = TextToPath()
_FACE: dict[str, Any] = {"style": "normal", "variant": "normal", "stretch": "normal"}


def _font(weight: str) -> FontProperties:
    """The font that comes with matplotlib, whatever the user's is: its measures lay pictures out."""
    return FontProperties(family="DejaVu Sans", weight=weight, size=100, **_FACE)


_FONTS = {False: _font("normal"), True: _font("bold")}


@lru_cache(maxsize=512)
def _glyph(character: str, bold: bool) -> tuple[Array, Array, float]:
    """Outline of a character in units of its font size, y upwards, and its advance."""
    font = _FONTS[bold]
    size = font.get_size_in_points()
    vertices, codes = _SHAPES.get_text_path(font, character)
    advance, _, _ = _SHAPES.get_text_width_height_descent(character, font, ismath=False)
    outline, steps = np.reshape(vertices, (-1, 2)) / size, np.asarray(codes, np.uint8)
    if not bold:
        outline, steps = np.concatenate([outline - _STRIKE, outline + _STRIKE]), np.tile(steps, 2)
    return outline, steps, float(advance) / size


def outline(character: str) -> tuple[Array, Array]:
    """Vertices and codes of a bold character in units of its font size, y upwards."""
    return _glyph(character, True)[:2]


def text_width(text: str, points: float, bold: bool = False, dpi: float = 100) -> float:
    """Width in pixels that a line of text takes."""
    return sum(_glyph(character, bold)[2] for character in text) * points * dpi / 72


def shortened(text: str, points: float, room: float, dpi: float = 100) -> str:
    """A line of text that takes so many pixels at most: without its middle, if need be."""
    whole, kept = text, len(text)
    while kept > 1 and text_width(text, points, dpi=dpi) > room:
        kept -= 1
        text = f"{whole[: (kept + 1) // 2]}…{whole[len(whole) - kept // 2 :]}"
    return text


@lru_cache(maxsize=512)
def _line(text: str, bold: bool) -> tuple[Path, float]:
    """Outline and width of a line of text, in units of its font size."""
    vertices, codes = [np.empty((0, 2))], [np.empty(0, np.uint8)]
    x = 0.0
    for character in text:
        outline, steps, advance = _glyph(character, bold)
        vertices.append(np.add(outline, (x, 0)))
        codes.append(steps)
        x += advance
    return Path(np.concatenate(vertices), np.concatenate(codes)), x


class QuickText(Text):
    """A line of text; on other canvases than Agg it is drawn as any other text.

    Names may hold dollar signs: no mathematics in it, and no TeX.
    """

    def __init__(self, x: float, y: float, text: str, *, weight: str = "normal", **style: Any) -> None:
        given: dict[str, Any] = {
            "fontproperties": _font(weight),
            "usetex": False,
            "parse_math": False,
            "antialiased": True,
        }
        super().__init__(x, y, text, **(given | style))

    def draw(self, renderer: Any) -> None:
        """Fill the outline."""
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
        elif self.get_visible() and self.get_text():
            bold = self.get_fontweight() == "bold"
            path, width = _line(self.get_text(), bold)
            size = renderer.points_to_pixels(self.get_fontsize())
            x, y = self.get_transform().transform(self.get_unitless_position())
            left = -width * {"left": 0.0, "center": 0.5, "right": 1.0}[self.get_horizontalalignment()]
            low = -_CAPITAL / 2 if self.get_verticalalignment() == "center" else 0.0
            place = Affine2D().translate(left, low).scale(size).rotate_deg(self.get_rotation()).translate(x, y)
            context = renderer.new_gc()
            context.set_linewidth(0)
            renderer.draw_path(context, path, place, to_rgb(self.get_color()))
            context.restore()
        self.stale = False


def number_patch(
    numbers: Sequence[int], corners: Array, size: float, colour: str, *, align_right: bool = False
) -> PathPatch:
    """Numbers as one artist, in pixels, y downwards; ``corners`` are left or right ends of baselines, ``(n, 2)``."""
    vertices, codes = [np.empty((0, 2))], [np.empty(0, np.uint8)]
    for number, (x, y) in zip(numbers, corners, strict=True):
        path, width = _line(str(number), False)
        left = x - size * width if align_right else x
        vertices.append(np.asarray(path.vertices) * [size, -size] + [left, y])
        codes.append(np.asarray(path.codes))
    return PathPatch(Path(np.concatenate(vertices), np.concatenate(codes)), facecolor=colour, linewidth=0)
