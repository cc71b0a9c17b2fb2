"""Tiles and heat maps at pixel resolution: where a tile lies, and how a matrix fills it.

Matplotlib would draw a heat map of more rows than pixels by nearest neighbour and lose rows; here a pixel shows the
extreme of those that it stands for. All tiles of a picture are one image, so that 512 filters cost no more than eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import Colormap
from matplotlib.image import BboxImage
from matplotlib.transforms import Bbox, Transform, TransformedBbox

from filterscope.filters.arrays import Array
from filterscope.plots.drawing.canvas import Box, Sheet, plain
from filterscope.plots.drawing.colours import NONFINITE_FACE, rgba
from filterscope.plots.drawing.reduction import block_starts, signed_extremes

#: Width to height of a tile.
ASPECT = 1.45


@dataclass(frozen=True)
class Grid:
    """Tiles of equal size in rows; pixel coordinates inside the box that holds them.

    Attributes:
        cell: Width and height of a tile with its margins.
        head: Height kept above each tile for its number; 0 where numbers stand only before each row.
        row_label: Width kept before each row.
    """

    count: int
    columns: int
    cell: tuple[float, float]
    head: float
    gap: float
    row_label: float

    @classmethod
    def fit(cls, count: int, box: Box, label_height: float, aspect: float = ASPECT) -> Grid:
        """Choose rows and columns so that tiles come close to an aspect ratio."""
        best, best_score = 1, float("inf")
        for columns in range(1, count + 1):
            rows = -(-count // columns)
            height = box.height / rows
            shape = box.width / columns / (height - label_height if height > 2 * label_height else height)
            # Empty cells at the end are a lesser evil than a bad shape.
            score = abs(np.log(shape / aspect)) + rows * columns / count
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


def shrink(values: Array, pixels: int, axis: int) -> Array:
    """The extremes of an axis that has more values than there are pixels."""
    count = values.shape[axis]
    return values if pixels >= count else signed_extremes(values, block_starts(count, pixels), axis)


def _stretch(cells: Array, pixels: int, axis: int) -> Array:
    """Repeat cells of an axis to fill the pixels."""
    count = cells.shape[axis]
    return cells if pixels == count else np.asarray(np.take(cells, np.arange(pixels) * count // pixels, axis=axis))


def heat(
    values: Array,
    height: int,
    width: int,
    limit: float,
    cmap: Colormap,
    *,
    one_sided: bool = False,
    undefined: str = NONFINITE_FACE,
) -> Array:
    """Matrices as pixels: cells repeated where there is room, the extremes of blocks where not.

    Values ``(..., rows, columns)`` become uint8 RGBA ``(..., height, width, 4)``, in the colours of :func:`colour`.
    """
    cells = colour(shrink(shrink(values, height, -2), width, -1), limit, cmap, one_sided, undefined)
    pixels = np.ascontiguousarray(_stretch(_stretch(cells.view(np.uint32)[..., 0], width, -1), height, -2))
    return pixels[..., None].view(np.uint8)


def usual_gap(epochs: Array) -> float:
    """Epochs between two snapshots as is usual: the median gap between snapshots, at least one."""
    return max(1.0, float(np.median(np.diff(epochs)))) if len(epochs) > 1 else 1.0


def lay(values: Array, edges: Array, pixels: int, axis: int) -> Array:
    """Lay cells of unequal size along an axis of pixels; of those that have no pixel of their own, the extreme.

    A cell begins at its edge, in pixels, rising from 0, and ends where the next one begins.
    """
    # A cell has the pixels whose middles lie in it, and all cells are shown: small ones share the next pixel.
    own = np.clip(np.ceil(edges - 0.5), 0, pixels - 1).astype(int)
    begins, starts = np.unique(own, return_index=True)
    if len(starts) < len(own):
        values = signed_extremes(values, starts, axis)
    return np.asarray(np.repeat(values, np.diff(np.append(begins, pixels)), axis=axis))


def lay_epochs(rows: Array, epochs: Array, height: int) -> Array:
    """Lay snapshots ``(..., E, columns)`` on a vertical axis of pixels that is linear in epochs, the first at the top.

    A snapshot reaches halfway to its neighbours, so that the number of its epoch lies in it; the first and the last one
    reach as far beyond theirs as is usual among them.
    """
    gap = usual_gap(epochs)
    edges = np.append(0, (epochs[:-1] + epochs[1:]) / 2 - epochs[0] + gap / 2)
    return lay(rows, edges / (epochs[-1] - epochs[0] + gap) * height, height, -2)


class PixelImage(BboxImage):
    """RGBA pixels that fill a rectangle: copied as they are where the canvas has just those pixels, else resampled."""

    def __init__(self, place: Bbox, transform: Transform) -> None:
        super().__init__(
            TransformedBbox(place, transform), cmap="gray", interpolation="nearest", origin="upper", resample=True
        )
        plain(self)
        self.place = place
        self.set_pixels(np.zeros((1, 1, 4), np.uint8))
        self.set_data(self._pixels)  # an image without any is not drawn

    @classmethod
    def in_box(cls, sheet: Sheet, box: Box) -> PixelImage:
        """An image that fills a box of a sheet."""
        image = cls(Bbox.from_bounds(box.left, box.top, box.width, box.height), sheet.pixels)
        sheet.figure.add_artist(image)
        return image

    @classmethod
    def in_axes(cls, axes: Axes) -> PixelImage:
        """An image that fills axes, up to their limits."""
        image = cls(Bbox(np.transpose([axes.get_xlim(), sorted(axes.get_ylim())])), axes.transData)
        axes.add_artist(image)
        image.set_clip_path(axes.patch)
        return image

    def set_pixels(self, pixels: Array) -> None:
        """Take uint8 RGBA ``(height, width, 4)`` as it is: ``set_data`` would check and copy it each time."""
        self._pixels = pixels
        self.stale = True

    def make_image(self, *args: Any, **options: Any) -> Any:
        """Resample, for canvases that do not take the pixels as they are."""
        self.set_data(self._pixels)
        return super().make_image(*args, **options)

    def draw(self, renderer: Any) -> None:
        """Draw on any backend."""
        box = self.get_window_extent(renderer)
        pixels = self._pixels
        if (
            not isinstance(renderer, RendererAgg)
            or abs(box.width - pixels.shape[1]) + abs(box.height - pixels.shape[0]) > 2
        ):
            self.set_data(pixels)
            super().draw(renderer)
        elif self.get_visible():
            context = renderer.new_gc()
            top = renderer.height - round(box.y1)
            # The canvas counts rows from below.
            renderer.draw_image(context, round(box.x0), renderer.height - top - len(pixels), pixels[::-1])
            context.restore()


def colour(
    values: Array, limit: float, cmap: Colormap, one_sided: bool = False, undefined: str = NONFINITE_FACE
) -> Array:
    """Look colours up: uint8 RGBA. Values from -limit (0 if one-sided) to limit; NaN is ``undefined``, Inf amber."""
    span, offset = (255 / limit, 0.5) if one_sided else (127.5 / limit, 128.0)
    finite = np.isfinite(values)
    index = np.where(finite, values, 0) * span + offset
    np.clip(index, 0, 255, out=index)
    cells = index.astype(np.int16)
    if not finite.all():
        cells = np.where(finite, cells, np.where(np.isnan(values), np.int16(256), np.int16(257)))
    colours = np.vstack([cmap(np.linspace(0, 1, 256)), rgba(undefined), rgba(NONFINITE_FACE)])
    return np.asarray(np.take((colours * 255).round().astype(np.uint8), cells, axis=0))


def paste(tiles: Array, grid: Grid, box: Box, borders: Array, border: int) -> Array:
    """Lay tiles ``(count, height, width, 4)`` on a clear sheet of the box's size, each framed in its colour."""
    sheet = np.zeros((int(box.height), int(box.width)), np.uint32)
    tiles = tiles.view(np.uint32)[..., 0]  # whole pixels are copied several times as fast as their bytes
    frames = (borders * 255).astype(np.uint8).view(np.uint32)[:, 0]
    height, width = tiles.shape[1:3]
    for i, (left, top) in enumerate(grid.corners().astype(int)):
        target = sheet[top : top + height, left : left + width]
        target[...] = frames[i]
        target[border:-border, border:-border] = tiles[i][border:-border, border:-border]
    return sheet[..., None].view(np.uint8)
