"""Event files of a run, in the order of recording."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from tensorboard.backend.event_processing import io_wrapper
from tensorboard.compat import tf
from tensorboard.compat.proto import event_pb2

from filterscope.events import blob
from filterscope.events.tfrecords import read_records

_MARK = blob.PLUGIN.encode()


def events_of_run(directory: str) -> Iterator[event_pb2.Event]:
    """Events that may hold raw filters, in the order of recording. Damage is told."""
    for path in _files(directory):
        yield from _events_of(path)


def _events_of(path: str, is_told: bool = True) -> Iterator[event_pb2.Event]:
    """Those of one file. One that breaks off gives what comes before, and ``is_told`` to."""
    for record in _records(path, is_told):
        if _MARK not in record:
            continue
        try:
            yield event_pb2.Event.FromString(record)
        except DecodeError:
            continue


def _files(directory: str) -> list[str]:
    """Event files in the order of recording.

    That is the order of their first events (names tell it by the second only), unless a clock was wrong: a file that
    goes on from earlier steps, and has none of them before it, comes after those that lead there.
    """
    found = []
    for path in io_wrapper.ListDirectoryAbsolute(directory):
        if io_wrapper.IsTensorFlowEventsFile(path) and tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
            try:
                first = next((record for record in read_records(path) if isinstance(record, bytes)), b"")
                found.append((event_pb2.Event.FromString(first).wall_time, path))
            except Exception:  # libraries of other file systems raise anything; what it is will be told when it is read
                found.append((0.0, path))
    by_clock = [path for _, path in sorted(found)]
    if len(by_clock) < 2:
        return by_clock
    begins = {path: begun for path in by_clock if (begun := _first_step(path)) is not None}
    steps = {path: step for path, (step, _) in begins.items()}
    ordered: list[str] = []
    astray: list[str] = []
    for path, (step, goes_on) in begins.items():
        is_led_to = any(steps[each] < step for each in ordered)
        (ordered if is_led_to or not goes_on else astray).append(path)
    for path in sorted(astray, key=steps.__getitem__):
        place = next((i + 1 for i, each in enumerate(ordered) if steps[each] < steps[path]), len(ordered))
        while place < len(ordered) and 0 < steps[ordered[place]] < steps[path]:
            place += 1
        ordered.insert(place, path)
    return [*(path for path in by_clock if path not in begins), *ordered]


def _first_step(path: str) -> tuple[int, bool] | None:
    """Step of the first raw filters in a file, and whether they go on from earlier ones; ``None`` without any."""
    for event in _events_of(path, is_told=False):  # it is when all is read; filters of warnings are other threads' too
        for value in event.summary.value:
            try:
                header = blob.read_header((*value.tensor.string_val, b"")[0])
            except blob.BlobError:
                continue
            return event.step, event.step > 0 and not header.reference
    return None


def _records(path: str, is_told: bool) -> Iterator[bytes]:
    """Records of a file; what of it cannot be read is told, if it is to be."""
    try:
        for record in read_records(path):
            if isinstance(record, bytes):
                yield record
            elif is_told:
                warnings.warn(str(record), stacklevel=2)
    except Exception as error:  # libraries of other file systems raise anything
        if is_told:
            warnings.warn(f"{path!r} cannot be read ({error})", stacklevel=2)
