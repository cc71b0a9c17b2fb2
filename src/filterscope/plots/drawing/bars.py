"""Colour bars: what the colours of a picture mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap

from filterscope.plots.drawing.canvas import TEXT, Box, Sheet
from filterscope.plots.drawing.colours import (
    GREY,
    INK,
    ONE_SIDED_CMAP,
    ROTATION_CMAP,
    ROTATION_SHARES,
    ROTATION_TICKS,
    SIGNED_CMAP,
)
from filterscope.plots.drawing.lettering import QuickText
from filterscope.plots.drawing.limits import format_value
from filterscope.plots.drawing.mosaic import PixelImage

#: Rotations that a bar names, the first ones however short it is.
_FIRST = (0, 1, 0.1, 0.5, 0.02, 2)


class ColourBar:
    """A colour bar with a caption above it and labels beside it, in a strip of ``WIDTH`` points.

    Ticks are the places of the labels, from 0 to 1; if ``moving``, these change from one epoch to the next.
    """

    WIDTH = 80  # points

    def __init__(
        self, sheet: Sheet, box: Box, cmap: Colormap, caption: str, ticks: Sequence[float], moving: bool = False
    ) -> None:
        self._labels: list[QuickText] = []
        if not sheet.has_bars:
            return
        sheet.write(box.left + box.width, box.top + sheet.px(11), caption, ha="right")
        bar = Box(box.left + sheet.px(12), box.top + sheet.px(23), sheet.px(10), box.height - sheet.px(34)).snapped()
        colours = cmap(np.linspace(1, 0, int(bar.height)), bytes=True)[:, None]
        PixelImage.in_box(sheet, bar).set_pixels(np.repeat(colours, int(bar.width), axis=1))
        right = bar.left + bar.width
        heights = [bar.top + bar.height * (1 - tick) for tick in ticks]
        lines = [[(right, y), (right + 0.3 * bar.width, y)] for y in heights]
        sheet.add(LineCollection(lines, colors=GREY, linewidths=0.8))
        self._labels = [sheet.write(right + sheet.px(5), y, "", color=INK, va="center") for y in heights]
        if moving:
            sheet.moving += self._labels

    def set_labels(self, *labels: str) -> None:
        """Write the labels, from the lower end to the upper."""
        for artist, label in zip(self._labels, labels, strict=bool(self._labels)):
            artist.set_text(label)

    @classmethod
    def beside(cls, sheet: Sheet, area: Box, width: float = WIDTH) -> tuple[Box, Box]:
        """An area less what a bar at its right takes, in points, and that; all of it where there is none."""
        return area.split_right(sheet.px(width) if sheet.has_bars else 0)


def value_bar(sheet: Sheet, box: Box, one_sided: bool, caption: str) -> ColourBar:
    """A bar for signed data or magnitudes, whose limit :func:`set_limit` tells at each update."""
    cmap = ONE_SIDED_CMAP if one_sided else SIGNED_CMAP
    return ColourBar(sheet, box, cmap, caption, (0.0, 0.5, 1.0), moving=True)


def set_limit(bar: ColourBar, limit: float | None, one_sided: bool) -> None:
    """Label a bar's ends with the limit of the colour scale; ``None`` where each filter has its own."""
    if limit is None:
        bar.set_labels("−max", "0", "max")
        return
    if one_sided:
        bar.set_labels("0", format_value(limit / 2), format_value(limit))
    else:
        bar.set_labels(f"−{format_value(limit)}", "0", format_value(limit))


def rotation_bar(sheet: Sheet, box: Box, caption: str = "rotation") -> None:
    """The bar of rotation, the same in every picture, but for what a short one has no room to name."""
    kept: dict[float, float] = {}
    for tick in _FIRST:
        share = ROTATION_SHARES[ROTATION_TICKS.index(tick)]
        if all(abs(share - other) * (box.height - sheet.px(34)) >= sheet.px(TEXT) for other in kept.values()):
            kept[tick] = share
    bar = ColourBar(sheet, box, ROTATION_CMAP, caption, list(kept.values()))
    bar.set_labels(*map(str, kept))
