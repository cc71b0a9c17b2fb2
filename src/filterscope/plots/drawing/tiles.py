"""Grids of tiles, a tile per filter: as lines or stems, as heat maps, or as sequence logos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from filterscope.filters.arrays import Array
from filterscope.plots.drawing import mosaic
from filterscope.plots.drawing.canvas import SMALL, Box, Sheet
from filterscope.plots.drawing.captions import Marks
from filterscope.plots.drawing.colours import (
    DEAD_FACE,
    GREY,
    INK,
    NONFINITE_FACE,
    ONE_SIDED_CMAP,
    PALE,
    SIGNED_CMAP,
    rgba,
)
from filterscope.plots.drawing.lettering import QuickText, number_patch, shortened, text_width
from filterscope.plots.drawing.limits import is_clipped
from filterscope.plots.drawing.logo import Letters
from filterscope.plots.drawing.reduction import outline, trace

#: Kernels up to this length are drawn as stems, one per tap.
STEM_TAPS = 8
#: More tiles than this are drawn as heat: lines would be thicker than their tile is high, and stems a few pixels high.
LINE_TILES, STEM_TILES = 64, 32
#: Share of a tile's height from its middle to its limit.
_REACH = 0.47
#: Width of a letter to the height of its tile, of which it may fill one half.
_LETTER_ASPECT = 0.5


class _Tiles:
    """Where the tiles of a picture lie, and the number and the words above each.

    They are redrawn with a limit for each filter, the value at the edge of its tile or at the end of its colours, an
    RGBA colour for each, and with marks of the dead and non-finite ones.
    """

    def __init__(self, sheet: Sheet, area: Box, indices: Array, aspect: float = mosaic.ASPECT) -> None:
        self.sheet, self.area = sheet, area.snapped()
        self.grid = mosaic.Grid.fit(len(indices), self.area, sheet.px(SMALL + 2), aspect)
        self.corners = self.grid.corners() + np.array([self.area.left, self.area.top])
        self.width, self.height = self.grid.inner
        self._middle = self.corners[:, 1:] + self.height / 2
        size = sheet.px(SMALL)
        if self.grid.head:
            sheet.add(number_patch(indices.tolist(), self.corners - [0, 2], size, GREY))
        elif self.grid.row_label:
            every = max(1, int(np.ceil(1.1 * size / self.grid.cell[1])))  # logos may be lower than a number
            firsts = np.arange(0, self.grid.count, self.grid.columns * every)
            ends = np.stack(
                [np.full(len(firsts), self.area.left + self.grid.row_label - 3), self.corners[firsts, 1]], axis=1
            )
            middle = [0, self.height / 2 + 0.36 * size]
            sheet.add(number_patch(indices[firsts].tolist(), ends + middle, size, GREY, align_right=True))
        self._words: dict[int, QuickText] = {}

    def _fill(self, width: float, zorder: float) -> PolyCollection:
        """Faces of the tiles, from their left as far as ``width``."""
        corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [width, self.height]
        return PolyCollection(list(self.corners[:, None] + corner), linewidths=0, zorder=zorder)

    def _zero_lines(self, left: Array) -> LineCollection:
        """Across the tiles, each from its ``left``, ``(filters,)``, to its right."""
        ends = np.stack([left, self.corners[:, 0] + self.width], axis=1)
        zero = np.stack([ends, np.broadcast_to(self._middle, ends.shape)], axis=-1)
        return LineCollection(list(zero), colors=PALE, linewidths=0.8, zorder=1)

    def set_words(self, words: list[str]) -> None:
        """Write a word at the right above each tile, where there is room for any."""
        for tile, word in enumerate(words if self.grid.head else ()):
            if word and tile not in self._words:
                left, top = self.corners[tile]
                self._words[tile] = self.sheet.write(
                    left + self.width, top - 2, "", fontsize=SMALL, color=INK, ha="right"
                )
                self.sheet.moving.append(self._words[tile])
            if tile in self._words:
                self._words[tile].set_text(word)


class LineTiles(_Tiles):
    """One curve per filter over its taps; stems for short kernels."""

    def __init__(self, sheet: Sheet, area: Box, indices: Array, taps: int) -> None:
        super().__init__(sheet, area, indices)
        self._stems = taps <= STEM_TAPS
        slot = self.width / taps
        self._x = self.corners[:, :1] + (np.arange(taps) + 0.5) * slot
        self._faces = self._fill(self.width, 0)
        zero_lines = self._zero_lines(self.corners[:, 0])
        slot_points = slot * 72 / sheet.dpi
        self._behind: Any  # segments for stems, polygons for lines
        if self._stems:
            widths = np.clip([0.8 * slot_points, 0.45 * slot_points], [2.5, 1.5], [24, 13.5])
            self._behind = LineCollection([], colors=PALE, linewidths=widths[0], capstyle="butt", zorder=2)
            self._front = LineCollection([], linewidths=widths[1], capstyle="butt", zorder=3)
        else:
            self._behind = PolyCollection([], linewidths=0, alpha=0.28, zorder=2)
            self._front = LineCollection([], linewidths=1.5 if self.width < 260 else 2, joinstyle="bevel", zorder=3)
        self._cuts = LineCollection([], colors=INK, linewidths=2.5, capstyle="butt", zorder=2.5)
        parts = [self._faces, zero_lines, self._behind, self._cuts, self._front]
        for collection in parts:
            sheet.add(collection)
        sheet.moving += parts

    def update(self, rows: Array, reference: Array | None, limits: Array, colours: Array, marks: Marks) -> None:
        """Redraw ``(filters, taps)``, the reference's behind; what goes beyond its limit has a dark edge there."""
        faces = _faces(marks)
        self._faces.set_facecolor(faces)  # type: ignore[arg-type]
        self._faces.set_visible(bool(faces.any()))  # clear ones take as long to draw
        now = self._heights(rows, limits)
        self._cuts.set_verts(list(self._cut_segments(rows / limits[:, None])))
        then = None if reference is None else self._heights(reference, limits)
        per_path = np.repeat(colours, rows.shape[1], axis=0) if self._stems else colours
        self._front.set_color(per_path)  # type: ignore[arg-type]
        if self._stems:
            self._front.set_verts(list(self._stem_segments(now)))
            if then is not None:
                self._behind.set_verts(list(self._stem_segments(then)))
            return
        self._front.set_verts(list(np.stack(trace(self._x, now, self.width), axis=-1)))
        if then is not None:
            there = np.where(np.isfinite(now), now, self._middle)
            self._behind.set_verts(outline(self._x, there, then, self.width))
            self._behind.set_facecolor(colours)

    def _heights(self, rows: Array, limits: Array) -> Array:
        return np.asarray(self._middle - np.clip(rows / limits[:, None], -1, 1) * _REACH * self.height)

    def _cut_segments(self, shares: Array) -> Array:
        """Strokes along the edges of tiles where a line is cut off, one for each pixel at most."""
        with np.errstate(invalid="ignore"):
            tile, tap = np.nonzero((np.abs(shares) > 1 + 1e-6) & np.isfinite(shares))
        y = self._middle[tile, 0] - np.sign(shares[tile, tap]) * (_REACH + 0.5) / 2 * self.height
        middle = np.unique(np.stack([self._x[tile, tap].round(), y], axis=-1), axis=0)[:, None]
        half = max(self.width / self._x.shape[1] / 2, self.sheet.px(1.5))
        return np.asarray(middle + np.array([[-half, 0], [half, 0]]))

    def _stem_segments(self, y: Array) -> Array:
        foot = np.broadcast_to(self._middle, y.shape)
        return np.stack([np.stack([self._x, foot], -1), np.stack([self._x, y], -1)], axis=2).reshape(-1, 2, 2)


class HeatTiles(_Tiles):
    """One heat map per filter, all of them one image; the rows of the first ones named, where there is room."""

    def __init__(self, sheet: Sheet, area: Box, indices: Array, names: Sequence[str] = ()) -> None:
        names = [shortened(name, SMALL, 0.15 * area.width, sheet.dpi) for name in names]
        room = max((text_width(name, SMALL, dpi=sheet.dpi) + sheet.px(6) for name in names), default=0.0)
        beside = area.shrink(left=room)
        grid = mosaic.Grid.fit(len(indices), beside.snapped(), sheet.px(SMALL + 2))
        is_named = bool(names) and grid.inner[1] >= len(names) * sheet.px(SMALL) and not grid.row_label
        super().__init__(sheet, beside if is_named else area, indices)
        if is_named:
            rows = (np.arange(len(names)) + 0.5) / len(names) * self.height
            for left, top in self.corners[:: self.grid.columns]:
                for name, row in zip(names, rows, strict=True):
                    sheet.write(left - sheet.px(3), top + row, name, fontsize=SMALL, ha="right", va="center")
        self._image = mosaic.PixelImage.in_box(sheet, self.area)
        sheet.moving.insert(0, self._image)

    def update(self, cells: Array, limits: Array, borders: Array, marks: Marks, one_sided: bool = False) -> None:
        """Redraw ``(filters, rows, columns)``, in frames; what goes beyond its limit has a dark corner.

        If one-sided, values run from 0 to the limit instead of from -limit to limit.
        """
        cmap = ONE_SIDED_CMAP if one_sided else SIGNED_CMAP
        scaled = cells / limits[:, None, None]
        pixels = mosaic.heat(scaled, self.height, self.width, 1.0, cmap, one_sided=one_sided)
        pixels[marks.dead] = (rgba(DEAD_FACE) * 255).astype(np.uint8)
        border = max(1, min(3, min(self.width, self.height) // 12))
        laid = mosaic.paste(pixels, self.grid, self.area, borders, border)
        clipped = self.corners[is_clipped(cells, limits)] - [self.area.left, self.area.top] + [self.width, 0]
        side = int(np.clip(min(self.width, self.height) // 4, 4, max(self.sheet.px(9), 4)))
        for size, tone in ((side + 2, "#ffffff"), (side, INK)):  # the white shows the dark one on dark cells
            corner = np.tri(size, dtype=bool).T
            for right, top in clipped.astype(int):
                laid[top : top + size, right - size : right][corner] = rgba(tone) * 255
        self._image.set_pixels(laid)


class LogoTiles(_Tiles):
    """One sequence logo per filter: letters stacked by weight, with a strip of the rotation's colour before them."""

    def __init__(self, sheet: Sheet, area: Box, indices: Array, names: Sequence[str], taps: int) -> None:
        super().__init__(sheet, area, indices, _LETTER_ASPECT * taps)
        strip = max(2.0, min(sheet.px(2.5), 0.03 * self.width))
        self._faces, self._strips = self._fill(self.width, 0), self._fill(strip, 2)
        self._left = self.corners[:, 0] + 2.5 * strip
        self._slot = (self.width - 2.5 * strip) / taps
        for collection in (self._faces, self._zero_lines(self._left), self._strips):
            sheet.moving.append(sheet.add(collection))
        self._letters = Letters(sheet, names)
        sheet.moving += self._letters.artists

    def update(self, weights: Array, limits: Array, strips: Array | None, marks: Marks) -> None:
        """Redraw ``(filters, letters, taps)``; a stack as high as its limit reaches a tile's edge."""
        self._faces.set_facecolor(_faces(marks))  # type: ignore[arg-type]
        self._strips.set_facecolor("none" if strips is None else strips)  # type: ignore[arg-type]
        edge = self.height / 2
        self._letters.update(weights, self._left, self._middle[:, 0], self._slot, -0.98 * edge / limits, edge)


def _faces(marks: Marks) -> Array:
    """Colours behind dead and non-finite filters, clear behind others: RGBA."""
    faces = np.zeros((len(marks.dead), 4))
    faces[marks.dead], faces[marks.nonfinite] = rgba(DEAD_FACE), rgba(NONFINITE_FACE)
    return faces
