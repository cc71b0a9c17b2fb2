"""Pictures as PNG, again and again: the frame is drawn once, then only what changes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from PIL import Image

from filterscope.plots.canvas import Sheet

Array = npt.NDArray[Any]

#: zlib level of the PNGs. On 900 x 430 pixels in a palette: 1 costs 2 ms for 50 kB, 4 costs 3 ms for 45 kB, 6 costs
#: 5 ms for 44 kB; in full colour level 1 costs 13 ms for 145 kB.
_COMPRESSION = 4
#: Colours of a palette (256 would make files a tenth larger), and those that are chosen by frequency.
_COLOURS = 128
_FREQUENT = 108
_BINS = 1 << 18
_WHITE = np.uint32(0xFFFFFFFF)


class Raster:
    """Renders one sheet, whose moving artists may have changed since the last time.

    Between two renderings it keeps the frame's pixels that are not white, and no canvas: a model can have hundreds of
    pictures.

    Args:
        sheet: A sheet on a figure of its own.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._frame: tuple[Array, Array] | None = None

    def png(self) -> bytes:
        """The sheet as it is now, encoded."""
        return encode(self.pixels())

    def pixels(self) -> Array:
        """The sheet as it is now: uint8 RGBA ``(height, width, 4)``."""
        moving = [artist for artist in self._sheet.moving if artist.get_visible()]
        if self._frame is None:
            self._frame = self._draw_frame(moving)
        width, height = self.size
        renderer = RendererAgg(width, height, self._sheet.dpi)
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


def encode(pixels: Array) -> bytes:
    """PNG with a palette: at most 128 colours, and for the others the nearest of them.

    Colours count as equal within 4 of 255 levels per channel; white stays white. A third of the bytes and of the time
    of a PNG in full colour.

    Args:
        pixels: Opaque uint8 RGBA, ``(height, width, 4)``.
    """
    packed = np.ascontiguousarray(pixels).view("<u4")[:, :, 0]
    where = np.flatnonzero(packed != _WHITE)  # often a small part
    drawn = packed.ravel()[where]
    bins = ((drawn >> 2) & 0x3F) | ((drawn >> 4) & 0xFC0) | ((drawn >> 6) & 0x3F000)  # six bits per channel
    counts = np.bincount(bins, minlength=_BINS)
    counts[-1] += packed.size - drawn.size
    present = np.flatnonzero(counts)
    present = present[np.argsort(-counts[present], kind="stable")]
    six = np.stack([present & 0x3F, present >> 6 & 0x3F, present >> 12], axis=1).astype(np.int32)
    chosen, index = _palette(six)
    exact = np.zeros(_BINS, np.uint32)
    exact[bins] = drawn  # one pixel of each bin lends it its colour: flat areas keep theirs
    exact[-1] = _WHITE
    palette = exact[(chosen[:, 2] << 12) | (chosen[:, 1] << 6) | chosen[:, 0]]
    table = np.zeros(_BINS, np.uint8)
    table[present] = index
    numbers = np.full(packed.size, table[-1])
    numbers[where] = table[bins]
    image = Image.fromarray(numbers.reshape(packed.shape))
    image.putpalette(palette[:, None].view(np.uint8)[:, :3].tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=_COMPRESSION)
    return stream.getvalue()


def _palette(colours: Array) -> tuple[Array, Array]:
    """Choose 128 colours, and for every colour the one that stands for it.

    Args:
        colours: Integers, ``(n, 3)``, the most frequent first.

    Returns:
        The chosen colours ``(at most 128, 3)``: the most frequent, and then those that would be missed most, such as
        the ends of a colour bar. And the positions of the stand-ins: ``(n,)``.
    """
    if len(colours) <= _COLOURS:
        return colours, np.arange(len(colours))
    # Rare colours are mostly the soft edges of lines: alike ones are judged together, by the most frequent of them.
    rest = colours[_FREQUENT:]
    coarse = rest >> 2
    _, first, member = np.unique((coarse[:, 0] << 8) | (coarse[:, 1] << 4) | coarse[:, 2], return_index=True,
                                 return_inverse=True)  # fmt: skip
    rare = rest[first]
    distance = sum(np.square(rare[:, axis, None] - colours[:_FREQUENT, axis]) for axis in range(3))
    nearest, missed = distance.argmin(axis=1), distance.min(axis=1)
    chosen = list(colours[:_FREQUENT])
    for position in range(_FREQUENT, _COLOURS):
        colour = rare[missed.argmax()]
        chosen.append(colour)
        distance = np.square(rare - colour).sum(axis=1)
        closer = distance < missed
        nearest[closer], missed[closer] = position, distance[closer]
    return np.array(chosen), np.concatenate([np.arange(_FREQUENT), nearest[member]])
