"""Pictures as PNG, again and again: the frame is drawn once, then only what changes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from filterscope.plots.canvas import Sheet

#: zlib level of the PNGs: higher ones cost more time than they save bytes.
_COMPRESSION = 6


class Raster:
    """Renders one sheet, whose moving artists may have changed since the last time.

    Args:
        sheet: A sheet on a figure of its own.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._canvas = FigureCanvasAgg(sheet.figure)  # type: ignore[arg-type]
        self._frame: Any = None

    def png(self) -> bytes:
        """The sheet as it is now."""
        moving = [artist for artist in self._sheet.moving if artist.get_visible()]
        if self._frame is None:
            for artist in moving:
                artist.set_visible(False)
            self._canvas.draw()
            self._frame = self._canvas.copy_from_bbox(self._sheet.figure.bbox)
            for artist in moving:
                artist.set_visible(True)
        else:
            self._canvas.restore_region(self._frame)
        renderer = self._canvas.get_renderer()
        for artist in moving:
            artist.draw(renderer)
        pixels = np.asarray(self._canvas.buffer_rgba())[:, :, :3]
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=_COMPRESSION)
        return stream.getvalue()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._canvas.get_width_height()
