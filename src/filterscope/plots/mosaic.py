"""Tiles and heat maps at pixel resolution: where a tile lies, and how a matrix fills it.

Matplotlib would draw a heat map of more rows than pixels by nearest neighbour and lose rows; here they are
averaged. All tiles of a picture are one image, so that 512 filters cost no more than eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap

from filterscope.plots.canvas import NONFINITE_FACE, Box, rgba

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Grid:
    """Tiles of equal size in rows; pixel coordinates inside the box that holds them.

    Attributes:
        count: Number of tiles.
        columns: Tiles per row.
        cell: Width and height of a tile with its margins.
        head: Height kept above each tile for its number; 0 where numbers stand only before each row.
        gap: Space between two tiles.
        row_label: Width kept before each row.
    """

    count: int
    columns: int
    cell: tuple[float, float]
    head: float
    gap: float
    row_label: float

    @classmethod
    def fit(cls, count: int, box: Box, label_height: float, aspect: float = 1.45) -> Grid:
        """Choose rows and columns so that tiles come close to an aspect ratio."""
        best, best_score = 1, float("inf")
        for columns in range(1, count + 1):
            rows = -(-count // columns)
            height = box.height / rows
            shape = box.width / columns / (height - label_height if height > 2 * label_height else height)
            # Empty cells at the end are a lesser evil than a bad shape.
            score = abs(np.log(shape / aspect)) + 0.3 * (rows * columns / count - 1)
            if score < best_score:
                best, best_score = columns, score
        rows = -(-count // best)
        numbered = box.height / rows >= 2.6 * label_height and box.width / best >= 2.2 * label_height
        row_label = 0.0 if numbered or count == 1 else 2.4 * label_height
        cell = ((box.width - row_label) / best, box.height / rows)
        gap = float(np.clip(0.1 * min(cell), 2, 8))
        return cls(count, best, cell, label_height if numbered else 0.0, gap, row_label)

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of a tile's drawing area, whole pixels."""
        return max(int(self.cell[0] - self.gap), 1), max(int(self.cell[1] - self.gap - self.head), 1)

    def corners(self) -> Array:
        """Left and top of every tile's drawing area: shape ``(count, 2)``, whole pixels."""
        number = np.arange(self.count)
        left = self.row_label + (number % self.columns) * self.cell[0] + self.gap / 2
        top = (number // self.columns) * self.cell[1] + self.gap / 2 + self.head
        return np.floor(np.stack([left, top], axis=1))


def _average(weights: Array, values: Array) -> Array:
    """``weights @ values`` along the second-last axis, normalised; NaN wherever a non-finite value takes part."""
    finite = np.isfinite(values)
    if finite.all():
        return np.asarray(weights @ values)
    return np.where(weights @ ~finite > 1e-6, np.nan, weights @ np.where(finite, values, 0))


def _coverage(edges: Array, pixels: int) -> Array:
    """Share of each of ``pixels`` that lies between neighbouring ``edges``, in pixels: ``(pixels, len(edges) - 1)``."""
    low = np.maximum(edges[None, :-1], np.arange(pixels)[:, None])
    high = np.minimum(edges[None, 1:], np.arange(1, pixels + 1)[:, None])
    return np.asarray(np.maximum(high - low, 0).astype(np.float32))


def resample(cells: Array, height: int, width: int) -> Array:
    """Fit matrices ``(..., rows, columns)`` to pixels: repeated where there is room, block-averaged where not."""
    rows, columns = cells.shape[-2:]
    if height >= rows:
        cells = np.asarray(cells[..., np.arange(height) * rows // height, :])
    else:
        cells = _average(_coverage(np.linspace(0, height, rows + 1), height), cells)
    if width >= columns:
        return np.asarray(cells[..., np.arange(width) * columns // width])
    turned = _average(_coverage(np.linspace(0, width, columns + 1), width), np.swapaxes(cells, -1, -2))
    return np.asarray(np.swapaxes(turned, -1, -2))


def lay_epochs(rows: Array, epochs: Array, height: int) -> Array:
    """Lay snapshots ``(..., E, columns)`` on a vertical axis of pixels that is linear in epochs, the first at the top.

    A snapshot holds from its epoch to the next one; the last gets as much room as one epoch.

    Returns:
        Shape ``(..., height, columns)``.
    """
    edges = np.append(epochs, epochs[-1] + 1).astype(np.float64)
    edges = (edges - edges[0]) / (edges[-1] - edges[0]) * height
    if height < 2 * len(epochs):
        return _average(_coverage(edges, height), rows)
    chosen = np.searchsorted(edges, np.arange(height) + 0.5, side="right") - 1
    return np.asarray(rows[..., np.clip(chosen, 0, len(epochs) - 1), :])


def colour(values: Array, limit: float, cmap: Colormap, one_sided: bool = False) -> Array:
    """Look colours up: uint8 RGBA. Values from -limit (0 if one-sided) to limit; amber where not finite."""
    finite = np.isfinite(values)
    scaled = np.where(finite, values, 0) / limit
    position = scaled if one_sided else (scaled + 1) / 2
    table = (cmap(np.linspace(0, 1, 256)) * 255).round().astype(np.uint8)
    pixels = table[(np.clip(position, 0, 1) * 255).round().astype(np.uint8)]
    pixels[~finite] = (rgba(NONFINITE_FACE) * 255).astype(np.uint8)
    return np.asarray(pixels)


def paste(tiles: Array, grid: Grid, box: Box, borders: Array | None = None, border: int = 1) -> Array:
    """Lay tiles ``(count, height, width, 4)`` on a clear sheet of the box's size, each framed in its colour."""
    sheet = np.zeros((int(box.height), int(box.width), 4), np.uint8)
    height, width = tiles.shape[1:3]
    for i, (left, top) in enumerate(grid.corners().astype(int)):
        target = sheet[top : top + height, left : left + width]
        if borders is None:
            target[...] = tiles[i]
            continue
        target[...] = (borders[i] * 255).astype(np.uint8)
        target[border:-border, border:-border] = tiles[i][border:-border, border:-border]
    return sheet
