"""Many small numbers as one artist: a text each would cost more than all that a picture shows besides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextToPath

Array = npt.NDArray[Any]

_FONT = FontProperties(size=100)
_SHAPES = TextToPath()


@lru_cache
def _digit(character: str) -> tuple[Array, Array, float]:
    """Outline of a digit in units of its font size, y upwards, and its advance."""
    vertices, codes = _SHAPES.get_text_path(_FONT, character)
    advance, _, _ = _SHAPES.get_text_width_height_descent(character, _FONT, ismath=False)
    size = _FONT.get_size_in_points()
    return np.asarray(vertices) / size, np.asarray(codes), float(advance) / size


def number_patch(
    numbers: Sequence[int], corners: Array, size: float, colour: str, *, align_right: bool = False
) -> PathPatch:
    """Numbers at places in axes whose unit is a pixel and whose y points down.

    Args:
        numbers: What to write.
        corners: Left (or right) end of each number's baseline: ``(n, 2)``.
        size: Font size in pixels.
        colour: Of all of them.
        align_right: Whether ``corners`` are right ends.

    Returns:
        One patch, not yet added to any axes.
    """
    vertices, codes = [np.empty((0, 2))], [np.empty(0, np.uint8)]
    for number, (x, y) in zip(numbers, corners, strict=True):
        digits = [_digit(character) for character in str(number)]
        if align_right:
            x -= size * sum(advance for _, _, advance in digits)
        for outline, steps, advance in digits:
            vertices.append(outline * [size, -size] + [x, y])
            codes.append(steps)
            x += size * advance
    path = Path(np.concatenate(vertices), np.concatenate(codes))
    return PathPatch(path, facecolor=colour, linewidth=0)
