"""Sequence logos: letters stacked by weight, as filled outlines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from filterscope.filters.arrays import Array
from filterscope.plots.drawing.canvas import Sheet
from filterscope.plots.drawing.lettering import outline
from filterscope.plots.drawing.limits import peaks, safe_limit

#: What readers of DNA and RNA are used to.
_NUCLEOTIDES = {"A": "#0f8a43", "C": "#2557a7", "G": "#f0a01e", "T": "#d62839", "U": "#d62839"}
#: Of the others, as far apart in CIE Lab as colours that are seen on white can be: of N, B, D, E and so on.
_OTHERS = (
    "a6a6a6 eb00eb 261300 0000a6 eb81d0 00cc00 590043 91a600 004e59 00b0eb 806926 eb8e81 8932a6 00ccb3 eb0093 802626 "
    "eb5800 160059 465beb 191526 365931"
)
_COLOURS = {letter: f"#{code}" for letter, code in zip("NBDEFHIJKLMOPQRSVWXYZ", _OTHERS.split(), strict=True)}
#: Of a letter's width to that of its tap.
_FILLED = 0.96
#: Of width to height, from which on a letter is drawn as wide as its tap: an I would be a block.
_WIDE = 0.6
#: Of a tile's half height: smaller letters cannot be seen.
_LEAST = 0.01


def letter_colour(letter: str) -> str:
    """``#rrggbb``, the same in every picture; beyond A to Z letters share them."""
    spare = list(_COLOURS.values())[ord(letter) % len(_COLOURS)]
    return _NUCLEOTIDES.get(letter) or _COLOURS.get(letter, spare)


@lru_cache(maxsize=64)
def _shape(letter: str) -> tuple[Array, Array]:
    """Outline of a letter that fills the square from 0 to 1, y upwards."""
    path = Path(*outline(letter))
    box = path.get_extents()
    width = min(box.width / (_WIDE * box.height), 1) * _FILLED
    vertices = (np.asarray(path.vertices) - box.min) / box.size * [width, 1] + [(1 - width) / 2, 0]
    return vertices, np.asarray(path.codes)


def stack_heights(weights: Array) -> Array:
    """How far the stacks of ``(filters, letters, taps)`` reach, up or down: ``(filters, 1, taps)``."""
    up, down = np.maximum(weights, 0).sum(axis=1), np.maximum(-weights, 0).sum(axis=1)
    return np.asarray(np.maximum(up, down)[:, None])


def fair_limit(heights: Array) -> float:
    """The height of a stack at the edge of every tile, such that half of the tiles use two thirds of theirs.

    Higher stacks, of ``(filters, 1, taps)``, are drawn smaller, and can be read as before.
    """
    largest, fair = safe_limit(heights), 1.5 * float(np.median(peaks(heights)))
    return fair if 0 < fair < largest else largest


def _spans(weights: Array) -> tuple[Array, Array]:
    """Where each letter begins and ends: ``(filters, letters, taps)``. Of each sign, the largest lies outermost."""
    order = np.argsort(np.abs(weights), axis=1)
    rising = np.take_along_axis(weights, order, axis=1)
    ends = np.where(rising > 0, np.cumsum(np.maximum(rising, 0), axis=1), np.cumsum(np.minimum(rising, 0), axis=1))
    begin, end = np.empty_like(weights), np.empty_like(weights)
    np.put_along_axis(begin, order, ends - rising, axis=1)
    np.put_along_axis(end, order, ends, axis=1)
    return begin, end


class Letters:
    """The letters of all filters of a picture, an artist for each channel's name, on a sheet or on axes of it."""

    def __init__(self, sheet: Sheet, names: Sequence[str], axes: Axes | None = None) -> None:
        self._names = names
        self.artists = [
            sheet.add(PathPatch(Path(np.empty((0, 2))), facecolor=letter_colour(name), linewidth=0, zorder=3), axes)
            for name in names
        ]

    def update(self, weights: Array, left: Array, zero: Array, slot: float, scale: Array, edge: float) -> None:
        """Redraw.

        Args:
            weights: Shape ``(filters, letters, taps)``; what is not finite is left out.
            left: Where the first tap of each filter begins: ``(filters,)``.
            zero: Where weight 0 lies: ``(filters,)``.
            slot: Width of a tap.
            scale: Of each filter, what a weight of 1 adds to ``zero``: ``(filters,)``.
            edge: How far from zero a stack may reach; one that would go beyond is drawn smaller.
        """
        known = np.where(np.isfinite(weights), weights, 0) * scale[:, None, None]
        begin, end = _spans(known * np.minimum(1, edge / np.maximum(stack_heights(known), edge)))
        x = left[:, None] + np.arange(weights.shape[2]) * slot
        # A letter stands upright below zero too.
        bottom = zero[:, None, None] + (np.minimum(begin, end) if scale[0] > 0 else np.maximum(begin, end))
        height = np.abs(end - begin) * np.sign(scale[:, None, None])
        is_seen = np.abs(height) > _LEAST * edge
        for letter, (name, artist) in enumerate(zip(self._names, self.artists, strict=True)):
            seen = is_seen[:, letter]
            vertices, codes = _shape(name)
            corners = np.stack([x[seen], bottom[:, letter][seen]], axis=-1)
            sizes = np.stack([np.full(len(corners), slot), height[:, letter][seen]], axis=-1)
            drawn = corners[:, None] + vertices * sizes[:, None]
            artist.set_path(Path(drawn.reshape(-1, 2), np.tile(codes, len(corners))))
