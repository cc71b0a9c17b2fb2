"""Event files in, histories out: what a run recorded, as arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.backend.event_processing import io_wrapper
from tensorboard.compat import tf
from tensorboard.compat.proto import event_pb2

from filterscope.events import blob
from filterscope.events.records import read_records
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_patterns
from filterscope.filters.history import FilterHistory
from filterscope.filters.selection import select
from filterscope.filters.words import plural

_MARK = blob.PLUGIN.encode()
#: What TensorBoard reads other file systems with.
_PACKAGES = {
    "s3": "boto3",
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "adlfs"),
    "hdfs": "fsspec pyarrow",
}


@dataclass
class Recorded:
    """The snapshots of one layer in one run, in the order of their steps.

    Attributes:
        layer: Dotted name.
        tag: The monitor's tag.
        order: Position of the layer among those monitored.
        banks: The monitored filters at each snapshot.
        references: For each snapshot from which rotation was measured, all filters that were kept.
        problems: What could not be read.
    """

    layer: str
    tag: str
    order: int = 0
    banks: list[FilterBank] = field(default_factory=list)
    references: list[FilterBank | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, header: blob.Header, bank: FilterBank) -> None:
        """Add a snapshot. One at an earlier step than the last means that a fit went on from there: it supersedes."""
        kept = (bank.step or 0) - 1 if header.after is None else min(header.after, (bank.step or 0) - 1)
        while self.banks and (self.banks[-1].step or 0) > kept:
            del self.banks[-1], self.references[-1]
        self.order = header.order
        self.banks.append(bank.head(header.shape[0]))
        self.references.append(bank if header.reference else None)

    def history(self) -> FilterHistory:
        """The history since the layer last changed its shape.

        Raises:
            BlobError: Nothing could be read.
        """
        if not self.banks:
            raise blob.BlobError(f"layer {self.layer!r}: nothing of it can be read; {self.problems[0]}")
        last, begin = self.banks[-1], len(self.banks)
        while begin and _is_alike(self.banks[begin - 1], last):
            begin -= 1
        if begin:
            warnings.warn(
                f"layer {self.layer!r} had another shape or other filters until epoch {self.banks[begin - 1].epoch}: "
                f"its history begins at epoch {self.banks[begin].epoch}",
                stacklevel=3,
            )
        references = (bank for bank in self.references if bank is not None and bank.weights.any())
        return FilterHistory(self.banks[begin:], next((bank for bank in references if _covers(bank, last)), None))


def load_history(
    log_dir: str | os.PathLike[str], layers: str | Sequence[str] | None = None, tag: str | None = None
) -> dict[str, FilterHistory]:
    """Load what a monitor recorded: the filters of every layer at every snapshot.

    The initial bank is exact and holds the whole layer; the others hold the monitored filters (``max_filters``),
    rounded to float16. A run that was killed gives all that had reached its event files.

    Args:
        log_dir: Directory of a run, or one with a single run somewhere below: a local path, or any that TensorBoard
            itself reads.
        layers: Globs on the dotted names; ``None`` for every layer recorded.
        tag: The monitor's ``tag``; needed only where a run had several.

    Returns:
        Histories by layer name, in model order.

    Raises:
        FileNotFoundError: There is no such directory.
        ImportError: It is in another file system, and the package is missing with which TensorBoard reads that one.
        OSError: It cannot be opened.
        ValueError: No filters were recorded there; there are several runs or tags; a glob matches no layer; or
            nothing of the layers can be read. What is lost of others is a warning.

    Example:
        >>> history = load_history("lightning_logs/version_0")["conv1"]  # doctest: +SKIP
        >>> history.weights.shape  # epochs, filters, channels, taps  # doctest: +SKIP
        (61, 64, 1, 31)
    """
    check_patterns(layers)
    if tag is not None and not isinstance(tag, str):
        raise TypeError(f"tag={tag!r} must be a string such as 'filters', or None")
    path = os.fsdecode(log_dir)
    recorded = _of_one_tag(_of_one_run(path), path, tag)
    names = [each.layer for each in sorted(recorded, key=lambda each: each.order)]
    by_name = {each.layer: each for each in recorded}
    if layers is not None:
        names = select(dict.fromkeys(names, 0), layers, owner=f"the run in {path}")
    readable = [name for name in names if by_name[name].banks]
    for name in names:
        _tell(by_name[name])
    return {name: by_name[name].history() for name in readable or names}


def read_run(directory: str) -> list[Recorded]:
    """All that monitors recorded into the event files right in a directory, in the order of first writing."""
    found: dict[str, Recorded] = {}
    for event in _events(directory):
        for value in event.summary.value:
            plugin = value.metadata.plugin_data
            if plugin.plugin_name == blob.PLUGIN:
                recorded = found.setdefault(value.tag, _begin(value.tag, plugin.content))
                _take(recorded, value.tag, event.step, list(value.tensor.string_val))
    return list(found.values())


def _begin(tag: str, content: bytes) -> Recorded:
    """A layer of which nothing is known but a summary's tag and the header that goes with it."""
    middle = tag.removesuffix("/bank")
    monitor, _, layer = middle.partition("/")
    try:
        named = blob.Header.from_json(content).layer
    except blob.BlobError:
        return Recorded(layer or middle, monitor)
    return Recorded(named, middle.removesuffix(named).removesuffix("/"))


def _take(recorded: Recorded, tag: str, step: int, blobs: list[bytes]) -> None:
    try:
        header = blob.read_header(blobs[0] if blobs else b"")
        if not tag.endswith(f"{header.layer}/bank"):
            raise blob.BlobError(f"it is of layer {header.layer!r}")
        bank = blob.decode_snapshot(blobs).with_fields(step=step)
    except blob.BlobError as error:
        recorded.problems.append(f"step {step}: {error}")
        return
    if not recorded.banks:
        recorded.layer = header.layer
        recorded.tag = tag.removesuffix("/bank").removesuffix(header.layer).removesuffix("/")
    recorded.take(header, bank)


def _events(directory: str) -> Iterator[event_pb2.Event]:
    """Events that may hold raw filters. A file that breaks off gives what comes before; damage is told."""
    for path in _files(directory):
        for record in _records(path):
            if _MARK not in record:
                continue
            try:
                yield event_pb2.Event.FromString(record)
            except DecodeError:
                continue


def _files(directory: str) -> list[str]:
    """Event files in the order of their first events: names tell it by the second only."""
    found = []
    for path in io_wrapper.ListDirectoryAbsolute(directory):
        if io_wrapper.IsTensorFlowEventsFile(path) and tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
            try:
                first = next((record for record in read_records(path) if isinstance(record, bytes)), b"")
                found.append((event_pb2.Event.FromString(first).wall_time, path))
            except Exception:  # libraries of other file systems raise anything; what it is will be told when it is read
                found.append((0.0, path))
    return [path for _, path in sorted(found)]


def _records(path: str) -> Iterator[bytes]:
    """Records of a file; what of it cannot be read is told."""
    try:
        for record in read_records(path):
            if isinstance(record, bytes):
                yield record
            else:
                warnings.warn(str(record), stacklevel=2)
    except Exception as error:  # libraries of other file systems raise anything
        warnings.warn(f"{path!r} cannot be read ({error})", stacklevel=2)


def _of_one_run(path: str) -> list[Recorded]:
    if not _is_directory(path):
        what = "is a file" if tf.io.gfile.exists(path) else "does not exist"
        raise FileNotFoundError(f"{path!r} {what}; give the directory that TensorBoard is pointed at")
    if recorded := read_run(path):  # what lies below are other runs
        return recorded
    directories = sorted(io_wrapper.GetLogdirSubdirectories(path))
    runs = {directory: recorded for directory in directories if (recorded := read_run(directory))}
    if not runs:
        there = f"{plural(len(directories), 'run')} without filters" if directories else "no event files"
        raise ValueError(
            f"no filters were recorded in {path!r} ({there}); add Conv1dFilterMonitor() to the Trainer, with its "
            "save_filters left at True"
        )
    if len(runs) > 1:
        names = ", ".join(repr(_relative(directory, path)) for directory in runs)
        raise ValueError(f"{path!r} holds {len(runs)} runs: {names}; give the directory of one of them")
    return next(iter(runs.values()))


def _is_directory(path: str) -> bool:
    """Whether there is such a directory. The libraries of other file systems raise anything."""
    try:
        return bool(tf.io.gfile.isdir(path))
    except OSError:
        raise
    except Exception as error:
        scheme = path.rpartition("::")[2].partition("://")[0]
        is_missing = isinstance(error, ImportError) or "No recognized filesystem" in str(error)
        if scheme in _PACKAGES and is_missing:
            words = f"{path!r}: TensorBoard reads {scheme}:// with a package that is not installed here; pip install"
            raise ImportError(f"{words} {_PACKAGES[scheme]}") from error
        kind = ImportError if isinstance(error, ImportError) else OSError
        raise kind(f"{path!r} cannot be opened: {error}; give a directory that TensorBoard itself reads") from error


def _of_one_tag(recorded: Sequence[Recorded], path: str, tag: str | None) -> list[Recorded]:
    known = {each.tag for each in recorded if each.banks} | ({tag} if tag else set())
    for each in recorded:  # where nothing is readable, tag and layer were guessed
        name = f"{each.tag}/{each.layer}"
        if not each.banks and (owner := next((one for one in known if name.startswith(f"{one}/")), None)):
            each.tag, each.layer = owner, name.removeprefix(f"{owner}/")
    by_tag: dict[str, list[Recorded]] = {}
    for each in recorded:
        by_tag.setdefault(each.tag, []).append(each)
    tags = ", ".join(map(repr, by_tag))
    if tag is None and len(by_tag) > 1:
        raise ValueError(f"the run in {path!r} has filters of several monitors: give tag= one of {tags}")
    if tag is not None and tag not in by_tag:
        raise ValueError(f"tag={tag!r}: the run in {path!r} has {tags}")
    return by_tag[tag] if tag is not None else next(iter(by_tag.values()))


def _relative(directory: str, top: str) -> str:
    try:
        return str(Path(directory).relative_to(top))
    except ValueError:
        return directory


def _tell(recorded: Recorded) -> None:
    if recorded.problems:
        snapshots = plural(len(recorded.problems), "snapshot")
        warnings.warn(f"layer {recorded.layer!r}: {snapshots} cannot be read ({recorded.problems[0]})", stacklevel=3)


def _is_alike(bank: FilterBank, last: FilterBank) -> bool:
    """Whether a bank holds the same filters, in the same form, as a later one."""
    return _covers(bank, last) and bank.filters == last.filters


def _covers(bank: FilterBank, last: FilterBank) -> bool:
    """Whether a bank holds the filters of a later one, and maybe others, in the same form."""
    same = bank.weights.shape[1:] == last.weights.shape[1:] and bank.weights.dtype == last.weights.dtype
    held = bool(np.isin(last.indices, bank.indices).all())
    return same and held and bank.total_filters == last.total_filters
