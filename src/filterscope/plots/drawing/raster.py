"""Pictures as PNG, again and again: the frame is drawn once, then only what changes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from PIL import Image

from filterscope.filters.arrays import Array
from filterscope.plots.drawing.canvas import Sheet
from filterscope.plots.drawing.palette import Palette

#: zlib level of the PNGs. Means of 21 pictures of 900 x 430 pixels in a palette: 1 costs 1.3 ms for 36 kB, 2 costs
#: 1.4 ms for 34 kB, 3 costs 1.7 ms for 32 kB, 6 about 3.6 ms for a bit less; in full colour 1 costs 13 ms for 145 kB.
_COMPRESSION = 2
_WHITE = np.uint32(0xFFFFFFFF)


class Raster:
    """Renders one sheet, whose moving artists may have changed since the last time.

    Between two renderings it keeps the frame's pixels that are not white, and no canvas: a model can have hundreds of
    pictures. The sheet has a figure of its own, the palette may be shared.
    """

    def __init__(self, sheet: Sheet, palette: Palette | None = None) -> None:
        self._sheet, self._palette = sheet, palette or Palette()
        self._frame: tuple[Array, Array] | None = None

    def png(self) -> bytes:
        """The sheet as it is now, encoded."""
        return encode(self.pixels(), self._palette)

    def pixels(self) -> Array:
        """The sheet as it is now: uint8 RGBA ``(height, width, 4)``."""
        moving = [artist for artist in self._sheet.moving if artist.get_visible()]
        if self._frame is None:
            self._frame = self._draw_frame(moving)
        width, height = self.size
        renderer = RendererAgg(width, height, self._sheet.figure.dpi)
        pixels = np.asarray(renderer.buffer_rgba())
        flat = pixels.view(np.uint32).reshape(-1)
        flat.fill(_WHITE)
        flat[self._frame[0]] = self._frame[1]
        for artist in moving:
            artist.draw(renderer)
        return pixels

    def _draw_frame(self, moving: list[Artist]) -> tuple[Array, Array]:
        figure: Any = self._sheet.figure
        canvas = FigureCanvasAgg(figure)
        for artist in moving:
            artist.set_visible(False)
        try:
            canvas.draw()
        finally:  # what stayed hidden would be missing from all later pictures
            for artist in moving:
                artist.set_visible(True)
        flat = np.asarray(canvas.buffer_rgba()).view(np.uint32).reshape(-1)
        where = np.flatnonzero(flat != _WHITE).astype(np.int32)
        FigureCanvasAgg(figure)  # takes the place of the canvas, whose pixels are free then
        return where, flat[where]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return round(self._sheet.width), round(self._sheet.height)


def encode(pixels: Array, palette: Palette) -> bytes:
    """Opaque RGBA as PNG with a palette: a quarter of the bytes of one in full colour, and less of the time."""
    numbers, colours = palette.number(pixels)
    image = Image.fromarray(numbers)
    image.putpalette(colours)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=_COMPRESSION)
    return stream.getvalue()
