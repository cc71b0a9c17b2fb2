"""Records of event files, written and read with a quick checksum.

A record is its length (uint64), a masked CRC-32C of that (uint32), the content, and a masked CRC-32C of the content
(uint32), all little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

from tensorboard.compat import tf
from tensorboard.summary.writer.record_writer import RecordWriter

try:
    from google_crc32c import value as crc32c
except ImportError:  # where there is no wheel of it, such as on musl: the same byte by byte, 100 ms per megabyte
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c  # type: ignore[no-redef]

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
#: Bytes read at a time.
_CHUNK = 2**20


def quicken(event_writer: Any) -> None:
    """Have an ``EventFileWriter`` compute checksums quickly; its file stays the same to the last byte.

    A writer of another make, such as TensorFlow's, is left as it is.
    """
    records = getattr(getattr(event_writer, "_async_writer", None), "_writer", None)
    if type(records) is RecordWriter and "write" not in vars(records) and hasattr(records, "_writer"):
        vars(records)["write"] = partial(_write, records)


def _write(records: Any, content: bytes) -> None:
    length = struct.pack("<Q", len(content))
    checksums = (_FOOTER.pack(masked_crc32c(part)) for part in (length, content))
    for part in (length + next(checksums), content, next(checksums)):  # not joined: the content may be large
        records._writer.write(part)


def masked_crc32c(content: bytes) -> int:
    """CRC-32C (RFC 3720) in the form in which records hold it: rotated, and with a constant added."""
    crc: int = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


class DamagedError(ValueError):
    """A record that is all there, but not as it was written."""


def read_records(path: str) -> Iterator[bytes | DamagedError]:
    """Contents of the records of an event file; in place of one that is damaged, an error.

    A record that is cut short at the end is left out: the run was killed, or is about to write the rest.

    Args:
        path: Any that TensorBoard itself reads.
    """
    with tf.io.gfile.GFile(path, "rb") as file:
        source = _Source(file)
        while len(header := source.take(_HEADER.size)) == _HEADER.size:
            length, checksum = _HEADER.unpack(header)
            if checksum != masked_crc32c(header[:8]):
                yield DamagedError(f"{path!r} is damaged: what follows its byte {source.position} is lost")
                return
            content, footer = source.take(length), source.take(_FOOTER.size)
            if len(footer) < _FOOTER.size:
                return
            if _FOOTER.unpack(footer)[0] != masked_crc32c(content):
                yield DamagedError(f"{path!r} is damaged: the record before its byte {source.position} is lost")
            else:
                yield content


class _Source:
    """Bytes of a file, as many as asked for and no more than there are: a length may lie."""

    def __init__(self, file: Any) -> None:
        self._file, self._rest, self._at = file, b"", 0
        self.position = 0

    def take(self, count: int) -> bytes:
        if len(self._rest) - self._at < count:
            parts = [self._rest[self._at :]]
            missing = count - len(parts[0])
            while missing > 0 and (part := self._file.read(_CHUNK)):
                parts.append(part)
                missing -= len(part)
            self._rest, self._at = b"".join(parts), 0
        taken = self._rest[self._at : self._at + count]
        self._at += len(taken)
        self.position += len(taken)
        return taken
