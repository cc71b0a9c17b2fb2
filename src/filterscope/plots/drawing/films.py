"""Animated GIF, PNG and WebP files, written frame by frame: Pillow keeps all frames until it writes the last.

A frame is numbers of colours in one palette. Only the rectangle that has changed since the frame before is written.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from PIL import GifImagePlugin, Image

from filterscope.filters.arrays import Array


class Gif:
    """GIF. Pixels that stay as they were are those of the palette's last colour, which no frame may use.

    As all of these, it takes a file, width and height in pixels, a palette of 256 colours and the number of frames.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int], palette: bytes, count: int) -> None:
        self._file = file
        file.write(b"GIF89a" + struct.pack("<HHBBB", *size, 0xF7, 0, 0) + palette)  # F7: 256 colours
        file.write(b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, 0, 0))

    def add(self, frame: Array, before: Array | None, milliseconds: int) -> None:
        """Write what changes from the frame before, uint8 ``(height, width)`` both; the file counts 10 ms."""
        left, top, right, bottom = _changed(frame, before)
        part = frame[top:bottom, left:right]
        if before is not None:
            part = np.where(part == before[top:bottom, left:right], np.uint8(255), part)
        how: dict[str, Any] = {"duration": milliseconds, "disposal": 1, "transparency": 255}
        self._file.writelines(GifImagePlugin.getdata(Image.fromarray(part), (left, top), **how))

    def close(self) -> None:
        """Write the end; the file stays open."""
        self._file.write(b";")


class Png:
    """Animated PNG."""

    def __init__(self, file: BinaryIO, size: tuple[int, int], palette: bytes, count: int) -> None:
        self._file, self._number = file, 0
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 3, 0, 0, 0))  # 3: with a palette
        self._chunk(b"acTL", struct.pack(">II", count, 0))
        self._chunk(b"PLTE", palette)

    def add(self, frame: Array, before: Array | None, milliseconds: int) -> None:
        """As in :class:`Gif`; the file counts milliseconds."""
        left, top, right, bottom = _changed(frame, before)
        part = frame[top:bottom, left:right]
        place = right - left, bottom - top, left, top
        self._chunk(b"fcTL", self._next() + struct.pack(">IIIIHHBB", *place, milliseconds, 1000, 0, 0))
        lines = np.pad(part, ((0, 0), (1, 0)))  # each begins with the number of its filter: none
        content = zlib.compress(lines.tobytes())
        self._chunk(*((b"IDAT", content) if before is None else (b"fdAT", self._next() + content)))

    def _next(self) -> bytes:
        self._number += 1
        return struct.pack(">I", self._number - 1)

    def _chunk(self, kind: bytes, content: bytes) -> None:
        check = zlib.crc32(kind + content)
        self._file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check))

    def close(self) -> None:
        """Write the end; the file stays open."""
        self._chunk(b"IEND", b"")


class WebP:
    """Animated WebP, lossless: lossy is larger for lines on white."""

    def __init__(self, file: BinaryIO, size: tuple[int, int], palette: bytes, count: int) -> None:
        self._file, self._palette = file, np.frombuffer(palette, np.uint8).reshape(-1, 3)
        file.write(b"RIFF\0\0\0\0WEBP")
        self._chunk(b"VP8X", struct.pack("<I", 2) + _three(size[0] - 1, size[1] - 1))  # 2: animated
        self._chunk(b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 0))

    def add(self, frame: Array, before: Array | None, milliseconds: int) -> None:
        """As in :class:`Gif`; the file counts milliseconds."""
        left, top, right, bottom = _changed(frame, before)
        left, top = left - left % 2, top - top % 2  # the format counts places in twos
        stream = io.BytesIO()
        Image.fromarray(self._palette[frame[top:bottom, left:right]]).save(stream, "WEBP", lossless=True)
        place = _three(left // 2, top // 2, right - left - 1, bottom - top - 1, milliseconds)
        self._chunk(b"ANMF", place + b"\2" + stream.getvalue()[12:])  # 2: in place of what was there

    def _chunk(self, kind: bytes, content: bytes) -> None:
        self._file.write(kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2))

    def close(self) -> None:
        """Write the end; the file stays open."""
        size = self._file.tell() - 8
        self._file.seek(4)
        self._file.write(struct.pack("<I", size))


#: A file that is being written, and repeats for ever.
Film = Gif | Png | WebP


def _three(*numbers: int) -> bytes:
    """Numbers in three bytes each."""
    return b"".join(number.to_bytes(3, "little") for number in numbers)


def _changed(frame: Array, before: Array | None) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the rectangle that has changed, which has one pixel at least."""
    if before is None:
        return 0, 0, frame.shape[1], frame.shape[0]
    changed = frame != before
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
