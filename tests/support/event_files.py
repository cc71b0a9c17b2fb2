"""Event files of a few bytes, written by hand, and every event of a directory as it is."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from filterscope import FilterBank
from filterscope.events import blob, summaries

#: Name of an event file.
EVENTS = "events.out.tfevents.1000000000.host.1.0"


def bank(layer: str = "a", epoch: int = 0, filters: int = 3, kind: type = float, taps: int = 3) -> FilterBank:
    """Weights that tell layer and epoch."""
    generator = np.random.default_rng([ord(layer[0]), epoch])
    weights: np.ndarray = generator.standard_normal((filters, 1, taps))
    if kind is complex:
        weights = weights * (1 + 0.5j)
    return FilterBank(layer, weights, epoch=epoch, step=4 * epoch, sample_rate=100.0)


def record(payload: bytes, length: int | None = None) -> bytes:
    """An event file's record: both checksums are right, whatever it holds and claims."""
    size = struct.pack("<Q", len(payload) if length is None else length)
    sums = struct.pack("<I", masked_crc32c(size)), struct.pack("<I", masked_crc32c(payload))
    return size + sums[0] + payload + sums[1]


def event(tag: str, step: int, blobs: Sequence[bytes]) -> event_pb2.Event:
    """What the recorder writes for one layer at one snapshot."""
    value = summaries.filters(tag, list(blobs), b"{}")
    return event_pb2.Event(wall_time=1e9 + step, step=step, summary=summary_pb2.Summary(value=[value]))


def write(directory: Path, events: Sequence[event_pb2.Event], name: str = EVENTS) -> Path:
    """A run's event file; its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(b"".join(record(each.SerializeToString()) for each in events))
    return directory


def tiny(layers: Sequence[str] = ("a",), epochs: Sequence[int] = (0, 1, 2), tag: str = "filters") -> list[Any]:
    """Events of a run that is only a few bytes long."""
    return [
        event(f"{tag}/{layer}/bank", 4 * epoch, [blob.encode(bank(layer, epoch), order, epoch == 0)])
        for epoch in epochs
        for order, layer in enumerate(layers)
    ]


def events_of(path: Path) -> list[event_pb2.Event]:
    """Every event below a directory."""
    files = sorted(path.rglob("events.out.tfevents.*"))
    return [event_pb2.Event.FromString(each) for file in files for each in RawEventFileLoader(str(file)).Load()]
