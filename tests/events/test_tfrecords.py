"""Records are written and read as TensorBoard does it, byte for byte, and only quicker."""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c as bytewise
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as masked_bytewise
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

from filterscope.events.tfrecords import DamagedError, masked_crc32c, quicken, read_records


def content(length: int) -> bytes:
    return np.random.default_rng(length).bytes(length)


@pytest.mark.parametrize("has_wheel", [True, False])
def test_checksums_are_tensorboards_with_and_without_a_library_for_them(
    has_wheel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_wheel:
        monkeypatch.setitem(sys.modules, "google_crc32c", None)
    fresh = importlib.util.find_spec("filterscope.events.tfrecords")
    assert fresh is not None
    assert fresh.loader is not None
    module = importlib.util.module_from_spec(fresh)
    fresh.loader.exec_module(module)
    assert (module.crc32c.__module__ == bytewise.__module__) != has_wheel
    assert module.crc32c(b"123456789") == 0xE3069283
    assert module.crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    for length in (0, 1, 8, 5000):
        assert module.masked_crc32c(content(length)) == masked_bytewise(content(length))


class Sink:
    """What a record writer needs of a file."""

    def __init__(self) -> None:
        self.bytes = b""

    def write(self, part: bytes) -> None:
        self.bytes += part


def test_a_quickened_writer_writes_the_same_bytes() -> None:
    plain, quick = RecordWriter(Sink()), RecordWriter(Sink())

    class EventWriter:
        class _async_writer:  # noqa: N801
            _writer = quick

    quicken(EventWriter)
    assert "write" in vars(quick)
    quicken(EventWriter)  # once is enough
    for length in (0, 1, 100, 5000, 50_000):
        plain.write(content(length))
        quick.write(content(length))
    assert quick._writer.bytes == plain._writer.bytes


def test_what_a_quickened_event_writer_wrote_is_read_by_tensorboard(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    writer = EventFileWriter(str(tmp_path))
    quicken(writer)
    assert "write" in vars(writer._async_writer._writer)
    events = [Event(step=step, file_version="x" * 10 ** (step % 5)) for step in range(20)]
    for event in events:
        writer.add_event(event)
    writer.close()
    (path,) = tmp_path.iterdir()
    records = list(RawEventFileLoader(str(path)).Load())
    assert records[1:] == [event.SerializeToString() for event in events]
    assert list(read_records(str(path))) == records


@pytest.mark.parametrize("other", [None, object(), 3])
def test_other_writers_are_left_as_they_are(other: object) -> None:
    quicken(other)


def framed(*contents: bytes) -> bytes:
    sink = Sink()
    for each in contents:
        RecordWriter(sink).write(each)
    return sink.bytes


def test_a_file_cut_anywhere_gives_all_whole_records(tmp_path: Path) -> None:
    contents = [content(n) for n in (0, 5, 700, 30)]
    ends = np.cumsum([len(framed(each)) for each in contents])
    whole, path = framed(*contents), tmp_path / "events"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        assert list(read_records(str(path))) == contents[: int((ends <= cut).sum())]


def test_damage_is_told_and_what_can_be_read_behind_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events"
    good, first = framed(b"first", b"second"), len(framed(b"first"))
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 0x10
        path.write_bytes(bytes(damaged))
        records = list(read_records(str(path)))
        errors = [each for each in records if isinstance(each, DamagedError)]
        assert len(errors) == 1
        assert str(path) in str(errors[0])
        in_header = position % first < 12 if position < first else position - first < 12
        wanted = {(True, True): [], (True, False): [b"second"]}.get((position < first, in_header), [b"first"])
        assert [each for each in records if isinstance(each, bytes)] == wanted, position


def test_a_length_that_lies_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "events"
    length = struct.pack("<Q", 2**62)
    path.write_bytes(framed(b"first") + length + struct.pack("<I", masked_crc32c(length)) + b"no such content")
    assert list(read_records(str(path))) == [b"first"]
