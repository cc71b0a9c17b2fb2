"""Runs as a monitor writes them, of any size, without a fit: what the tests of the Filters tab look at.

python -m tests.support.synthetic LOGDIR                                           # two runs of two layers
python -m tests.support.synthetic LOGDIR --epochs 1000 --shape 64 1 251 --runs 1   # one large layer
python -m tests.support.synthetic LOGDIR --epochs 200 --every 1                    # an epoch a second, to watch it live
python -m tests.support.synthetic LOGDIR --epochs 200 --per-epoch 8 --steps 250    # snapshots by steps, 8 an epoch
"""

from __future__ import annotations

import argparse
import math
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from filterscope.events import blob, summaries
from filterscope.filters import metrics
from filterscope.filters.bank import FilterBank

#: Steps per epoch, or snapshot within one, so that no step is an epoch's number by chance.
STEPS = 5
#: Time of epoch 0; each epoch takes a second.
BEGAN = 1.7e9

#: Names of layers that break what is careless.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "quote\"s and 'apostrophes'",
    "back\\slash/and/slashes",
    "../../../etc/passwd",
    "слой ß 層 😀",
    "100% %41 %zz &a=b;c?d#e+f",
    "line\nbreak\ttab",
    "n" * 300,
    "__proto__",
)

#: What can happen to a blob, and a word of what is said of it.
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (lambda whole: whole[:-3], "damaged"),
    "newer version": (lambda whole: whole[:8] + struct.pack("<H", 3) + whole[10:], "upgrade"),
    "header of noise": (lambda whole: whole[:16] + b"\xff" * 24 + whole[40:], "damaged"),
    "something else": (lambda whole: b"\x89PNG\r\n\x1a\n" + whole[8:], "no filter bank"),
    "nothing": (lambda whole: b"", "no filter bank"),
    "endless header": (lambda whole: whole[:12] + b"\xff\xff\xff\xff" + whole[16:], "damaged"),
}


@dataclass
class Layer:
    """A layer whose filters turn from noise into a wave each, some faster than others.

    Attributes:
        name: Dotted name; any text.
        shape: Filters, channels, taps.
        seed: Of the noise.
        dead: Numbers of filters that shrink to nothing in the second half.
        max_filters: As the monitor's.
        is_complex: Whether its weights are complex.
        fields: Of its banks, such as ``sample_rate``.
    """

    name: str
    shape: tuple[int, int, int] = (8, 1, 31)
    seed: int = 0
    dead: tuple[int, ...] = ()
    max_filters: int | None = 64
    is_complex: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        filters, channels, taps = self.shape
        noise = random.standard_normal(self.shape) / np.sqrt(channels * taps)
        time = np.linspace(-1, 1, taps)
        pitch = np.linspace(1, max(taps / 5, 1), filters)[:, None, None]
        phase = random.uniform(0, 6, (filters, channels, 1))
        wave = np.cos(np.pi * pitch * time + phase) * np.exp(-3 * time**2)
        wave *= np.linalg.norm(noise, axis=(1, 2), keepdims=True) / np.linalg.norm(wave, axis=(1, 2), keepdims=True)
        if self.is_complex:
            noise, wave = noise + 1j * noise[..., ::-1], wave * np.exp(1j * phase)
        kind = np.complex64 if self.is_complex else np.float32
        self._noise, self._wave = noise.astype(kind), wave.astype(kind)
        self._speed = np.linspace(0.2, 1.5, filters, dtype=np.float32)[:, None, None]

    def bank(self, epoch: int, last: int) -> FilterBank:
        """The layer after some epochs of a fit that ends with epoch ``last``."""
        progress = epoch / max(last, 1)
        turned = np.minimum(self._speed * np.float32(np.sqrt(progress)), np.float32(1))
        weights = (1 - turned) * self._noise + turned * self._wave
        if progress > 0.5:
            weights[list(self.dead)] *= np.float32(1e-6)
        return FilterBank.owning(self.name, weights, epoch=epoch, step=epoch * STEPS, **self.fields)


@dataclass
class Known:
    """A layer whose weights are a function of the epoch.

    Attributes:
        name: Dotted name; any text.
        weights: From an epoch to ``(filters, channels, taps)``.
        max_filters: As the monitor's.
        fields: Of its banks, such as ``sample_rate``.
    """

    name: str
    weights: Callable[[int], np.ndarray]
    max_filters: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def bank(self, epoch: int, last: int) -> FilterBank:
        """The layer after some epochs, whatever the last one is."""
        weights = np.asarray(self.weights(epoch))
        weights = weights.astype(np.complex64 if np.iscomplexobj(weights) else np.float32)
        return FilterBank.owning(self.name, weights, epoch=epoch, step=epoch * STEPS, **self.fields)


class Run:
    """One run's event file, written in the order of epochs; it can grow while TensorBoard watches.

    Args:
        directory: Of the run.
        layers: What the model has.
        epochs: How many the fit plans, from which the speed follows.
        monitor: The callback's ``tag``.
        per_epoch: Take snapshots by steps, so many in an epoch: all else that is called an epoch here is then such a
            part of one.
        steps: From one snapshot to the next.

    Attributes:
        blobs: What was written: tag, then step, then the blobs of the snapshot.
        scalars: Likewise, the values of the scalars.
    """

    def __init__(
        self,
        directory: Path,
        layers: Sequence[Layer | Known],
        epochs: int = 20,
        monitor: str = "filters",
        per_epoch: int | None = None,
        steps: int = STEPS,
    ) -> None:
        self._layers, self._planned, self._monitor = list(layers), epochs, monitor
        self._per_epoch, self._steps = per_epoch, steps
        self.blobs: dict[str, dict[int, list[bytes]]] = defaultdict(dict)
        self.scalars: dict[str, dict[int, float]] = defaultdict(dict)
        self._references: dict[str, FilterBank] = {}
        self._previous: dict[str, FilterBank] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"events.out.tfevents.{int(BEGAN)}.synthetic.{monitor.replace('/', '_')}"
        if not self._path.exists():
            self._append([Event(wall_time=BEGAN, file_version="brain.Event:2")])

    def add(self, epochs: Iterable[int]) -> Run:
        """Write snapshots of all layers, as the callback does."""
        self._append(event for epoch in epochs for event in self._snapshot(epoch))
        return self

    def add_bank(self, tag: str, step: int, blobs: list[bytes], content: bytes, later: float = 0) -> None:
        """Write any bytes as a bank, so many seconds later than its step says."""
        self._append([_event(step, BEGAN + step / STEPS + later, summaries.filters(tag, blobs, content))])

    def add_value(self, value: Summary.Value, step: int, wall_time: float = BEGAN) -> None:
        """Write any summary."""
        self._append([_event(step, wall_time, value)])

    def log(self, tag: str, values: Mapping[int, float]) -> None:
        """Write a scalar, by step."""
        for step, value in values.items():
            self.add_value(Summary.Value(tag=tag, simple_value=value), step, BEGAN + step / STEPS)

    def _snapshot(self, epoch: int) -> Iterator[Event]:
        step, moment = epoch * self._steps, BEGAN + epoch
        when: dict[str, Any] = {"step": step}
        if self._per_epoch:
            when |= {"epoch": epoch // self._per_epoch, "within_epoch": True}
        for order, layer in enumerate(self._layers):
            bank = layer.bank(epoch, self._planned).with_fields(**when)
            reference = self._references.setdefault(layer.name, bank)
            stem = f"{self._monitor}/{layer.name}"
            blobs = blob.encode_snapshot(bank, layer.max_filters, order, reference is bank, whole=True)
            self.blobs[f"{stem}/bank"][step] = blobs
            yield _event(step, moment, summaries.filters(f"{stem}/bank", blobs, blob.header_text(blobs[0])))
            scalars = {
                "rotation": metrics.layer_rotation(bank.weights, reference.weights),
                "rms": metrics.rms(bank.weights),
                "dead": float(metrics.dead(bank.weights).mean()),
            }
            if previous := self._previous.get(layer.name):
                scalars["change"] = metrics.change(bank.weights, previous.weights)
            self._previous[layer.name] = bank
            for kind, value in scalars.items():
                self.scalars[f"{stem}/{kind}"][step] = float(np.float32(value))
                yield _event(step, moment, Summary.Value(tag=f"{stem}/{kind}", simple_value=value))

    def _append(self, events: Iterable[Event]) -> None:
        records = [event.SerializeToString() for event in events]
        lengths = [struct.pack("<Q", len(record)) for record in records]
        sums = zip(lengths, checksums(lengths), records, checksums(records), strict=True)
        with self._path.open("ab") as file:
            file.write(b"".join(b"%b%b%b%b" % (length, head, record, tail) for length, head, record, tail in sums))


def damaged(directory: Path) -> Run:
    """A run of whole banks with all kinds of broken ones among them, then of tags that are broken altogether.

    Its ``blobs`` are the whole ones; its last scalar is ``end``.
    """
    layer, tag = Layer("conv1"), "filters/conv1/bank"
    run = Run(directory, [layer])
    good = [blob.encode(layer.bank(epoch, 20)) for epoch in range(len(DAMAGES) + 2)]
    content = blob.read_header(good[0]).to_json()
    run.add_bank(tag, 0, [good[0]], content)
    for epoch, (harm, _) in enumerate(DAMAGES.values(), 1):
        run.add_bank(tag, epoch * STEPS, [harm(good[epoch])], content)
    run.add_bank(tag, (len(DAMAGES) + 1) * STEPS, [good[-1]], content)
    run.blobs[tag] = {0: [good[0]], (len(DAMAGES) + 1) * STEPS: [good[-1]]}
    run.add_bank("filters/noise/bank", 0, [good[0]], b"\xff\x00 not JSON")
    run.add_bank("filters/newer/bank", 0, [good[0]], b'{"format": 2}')
    run.add_bank("filters/hollow/bank", 0, [], content)
    run.add_bank("bank", 0, [good[0]], content)
    liar = summaries.filters("filters/liar/bank", [good[0]], content)
    liar.tensor.tensor_shape.dim[0].size = 2**40
    run.add_value(liar, 0)
    run.add_value(Summary.Value(tag="filters/conv1/rotation", simple_value=math.nan), 0)
    run.add_value(Summary.Value(tag="filters/conv1/rotation", simple_value=0.25), STEPS)
    run.add_value(Summary.Value(tag="filters/conv1/dead", simple_value=math.inf), 0)
    run.add_value(Summary.Value(tag="end", simple_value=0), 0)
    number = summaries.filters("filters/number/bank", [], content)
    number.tensor.Clear()
    run.add_value(number, 0, math.nan)  # the fast loader reads a file up to such a time
    return run


def _event(step: int, moment: float, value: Summary.Value) -> Event:
    return Event(step=step, wall_time=moment, summary=Summary(value=[value]))


def checksums(records: Sequence[bytes]) -> list[bytes]:
    """The masked CRC-32C of every record, byte by byte for all of them at once: a thousand banks in under a second."""
    order = sorted(range(len(records)), key=lambda number: -len(records[number]))
    lengths = np.array([len(records[number]) for number in order])
    sums = np.full(len(records), 0xFFFFFFFF, np.uint32)
    for start in range(0, len(order), 256):
        chunk, sizes = order[start : start + 256], lengths[start : start + 256]
        columns = np.zeros((sizes[0], len(chunk)), np.uint8)
        for column, number in enumerate(chunk):
            columns[: len(records[number]), column] = np.frombuffer(records[number], np.uint8)
        running = sums[start : start + 256]
        still = np.searchsorted(-sizes, -np.arange(1, sizes[0] + 1), side="right")
        for row, count in zip(columns, still, strict=True):
            active = running[:count]
            running[:count] = _TABLE[(active ^ row[:count]) & 0xFF] ^ (active >> 8)
    sums ^= np.uint32(0xFFFFFFFF)
    masked = ((sums >> 15) | (sums << 17)) + np.uint32(0xA282EAD8)
    result = [b""] * len(records)
    for number, value in zip(order, masked.astype("<u4"), strict=True):
        result[number] = value.tobytes()
    return result


def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return table


_TABLE = _table()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logdir", type=Path)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--shape", type=int, nargs=3, help="of the one layer; default: two layers")
    parser.add_argument("--per-epoch", type=int, help="take snapshots by steps, so many in an epoch")
    parser.add_argument("--steps", type=int, default=STEPS, help="from one snapshot to the next")
    parser.add_argument("--every", type=float, help="seconds between epochs; default: all at once")
    given = parser.parse_args()
    for number in range(given.runs):
        layers = [Layer("conv1", (64, 1, 31), number, dead=(3,)), Layer("conv2", (64, 64, 9), number + 10)]
        if given.shape:
            layers = [Layer("conv1", tuple(given.shape), number, max_filters=None)]
        when = {"per_epoch": given.per_epoch, "steps": given.steps}
        run = Run(given.logdir / f"run{number}", layers, given.epochs, **when)
        if given.every is None:
            run.add(range(given.epochs + 1))
            continue
        for epoch in range(given.epochs + 1):
            run.add([epoch])
            time.sleep(given.every)


if __name__ == "__main__":
    main()
