"""Event files in, histories out: what a run recorded, as arrays."""

from __future__ import annotations

import math
import os
import warnings
from collections import defaultdict
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
from filterscope.filters import metrics
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_patterns
from filterscope.filters.history import ROUNDED, FilterHistory
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
class _Fits:
    """Fits that recorded under one tag, one after the other: one that begins anew supersedes those before.

    Attributes:
        superseded: First and last epoch of each that is.
        left_out: Layers that the newest does not have.
    """

    superseded: list[tuple[int, int]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _epochs: tuple[int, int] | None = None
    _last: tuple[int, float] = (-1, math.inf)

    def take(self, bank: FilterBank, time: float) -> int:
        """See the next snapshot of any layer and its wall time; the number of the fit that it is of."""
        epoch, (step, last_time) = bank.epoch or 0, self._last
        # The initial snapshot, all layers of which have one time, comes once in a fit.
        if epoch == 0 and not bank.within_epoch and step_of(bank) <= step and time > last_time and self._epochs:
            self.superseded.append(self._epochs)
            self._epochs = None
        first, last = self._epochs or (epoch, epoch)
        self._epochs, self._last = (min(first, epoch), max(last, epoch)), (step_of(bank), time)
        return len(self.superseded)


@dataclass
class Recorded:
    """The snapshots of one layer in one run, in the order of their steps.

    Attributes:
        layer: Dotted name.
        tag: The monitor's tag.
        order: Position of the layer among those monitored.
        banks: The monitored filters at each snapshot.
        references: For each snapshot from which rotation was measured, all filters that were kept.
        changes: Change at each snapshot, of the whole layer, as it was logged; ``None`` where no numbers were.
        problems: What could not be read.
        fits: Fits under the same tag.
        fit: Number of the one that the newest snapshot is of.
    """

    layer: str
    tag: str
    order: int = 0
    banks: list[FilterBank] = field(default_factory=list)
    references: list[FilterBank | None] = field(default_factory=list)
    changes: list[float | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    fits: _Fits = field(default_factory=_Fits)
    fit: int = 0

    def take(self, header: blob.Header, bank: FilterBank, time: float = 0, change: float | None = None) -> None:
        """Add a snapshot. One at an earlier step than the last means that a fit went on from there: it supersedes."""
        step, fit = step_of(bank), self.fits.take(bank, time)
        if fit != self.fit:
            self.fit = fit
            self._clear()
        if self.banks and step_of(self.banks[-1]) == step and change is None:
            change = self.changes[-1]  # the same once more, as that of an epoch's end
        kept = step - 1 if header.after is None else min(header.after, step - 1)
        while self.banks and step_of(self.banks[-1]) > kept:
            del self.banks[-1], self.references[-1], self.changes[-1]
        self.order = header.order
        self.banks.append(bank.head(header.shape[0]))
        self.references.append(bank if header.reference else None)
        self.changes.append(change)

    def _clear(self) -> None:
        self.banks, self.references, self.changes = [], [], []

    def reference(self, last: int | None = None) -> FilterBank | None:
        """What the newest snapshot, or that of a last step, was measured from; ``None`` if it is not there."""
        known = (bank for bank in reversed(self.references) if bank is not None and bank.weights.any())
        return next((bank for bank in known if last is None or step_of(bank) <= last), None)

    def history(self) -> tuple[FilterHistory, str]:
        """The history since the layer last changed its shape or what it is measured from, and words on what that cost.

        Raises:
            BlobError: Nothing could be read.
        """
        if not self.banks:
            raise blob.BlobError(f"layer {self.layer!r}: nothing of it can be read; {self.problems[0]}")
        last, begin = self.banks[-1], len(self.banks)
        while begin and _is_alike(self.banks[begin - 1], last):
            begin -= 1
        words = "had another shape or other filters" if begin else ""
        reference = self.reference()
        if reference is not None and not _covers(reference, last):
            reference = None
        since = begin
        while since < len(self.banks) - 1 and not is_measured_from(self.banks[since], reference):
            since += 1
        if since > begin:
            begin, words = since, "was measured from other weights"
        if words:
            before, first = self.banks[begin - 1], self.banks[begin]
            words += f" until epoch {before.epoch}: its history begins at epoch {first.epoch}"
        return FilterHistory(self.banks[begin:], reference, changes=self._changes(begin)), words

    def _changes(self, begin: int) -> list[float]:
        """Change at each snapshot from one on: as logged, else of the snapshots, where their rounding allows it."""
        found = [math.nan]
        for place in range(begin + 1, len(self.banks)):
            change = self.changes[place]
            if change is None:
                change = metrics.change(self.banks[place].weights, self.banks[place - 1].weights)
                change = change if change >= ROUNDED else math.nan
            found.append(change)
        return found


def step_of(bank: FilterBank) -> int:
    """The step of a recorded bank."""
    return bank.step or 0


def is_measured_from(bank: FilterBank, reference: FilterBank | None) -> bool:
    """Whether a snapshot is compared with a reference: from its step on, and where the layer was still zero."""
    return reference is None or step_of(bank) >= step_of(reference) or not bank.weights.any()


def load_history(
    log_dir: str | os.PathLike[str], layers: str | Sequence[str] | None = None, tag: str | None = None
) -> dict[str, FilterHistory]:
    """Load what a monitor recorded: the filters of every layer at every snapshot.

    The initial bank is exact and holds the whole layer; the others hold the monitored filters (``max_filters``),
    rounded to float16. A run that was killed gives all that had reached its event files. Where several fits recorded
    into one directory, the newest counts, and a warning says what it supersedes.

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
    _tell_superseded(path, recorded[0].fits)
    found = {name: by_name[name].history() for name in readable or names}
    for words in dict.fromkeys(words for _, words in found.values() if words):
        which = ", ".join(repr(name) for name, (_, each) in found.items() if each == words)
        warnings.warn(f"layer {which} {words}", stacklevel=2)
    return {name: history for name, (history, _) in found.items()}


def read_run(directory: str) -> list[Recorded]:
    """What monitors recorded into the event files right in a directory, in the order of first writing.

    Of several fits under one tag, layers that the newest does not have are left out.
    """
    found: dict[str, Recorded] = {}
    fits: dict[str, _Fits] = defaultdict(_Fits)
    for event in _events(directory):
        numbers = {value.tag: value.simple_value for value in event.summary.value if value.HasField("simple_value")}
        for value in event.summary.value:
            plugin = value.metadata.plugin_data
            if plugin.plugin_name == blob.PLUGIN:
                recorded = found.setdefault(value.tag, _begin(value.tag, plugin.content))
                stem = value.tag.removesuffix("/bank")
                # What is undefined leaves a gap beside the others, of which this one never is.
                change = numbers.get(f"{stem}/change", math.nan) if f"{stem}/dead" in numbers else None
                if (taken := _decoded(recorded, value.tag, event.step, list(value.tensor.string_val))) is not None:
                    recorded.fits = fits[recorded.tag]
                    recorded.take(*taken, event.wall_time, change)
    for recorded in found.values():
        if recorded.banks and recorded.fit < len(recorded.fits.superseded):
            recorded.fits.left_out.append(recorded.layer)
    return [each for each in found.values() if each.layer not in each.fits.left_out]


def _begin(tag: str, content: bytes) -> Recorded:
    """A layer of which nothing is known but a summary's tag and the header that goes with it."""
    middle = tag.removesuffix("/bank")
    monitor, _, layer = middle.partition("/")
    try:
        named = blob.Header.from_json(content).layer
    except blob.BlobError:
        return Recorded(layer or middle, monitor)
    return Recorded(named, middle.removesuffix(named).removesuffix("/"))


def _decoded(recorded: Recorded, tag: str, step: int, blobs: list[bytes]) -> tuple[blob.Header, FilterBank] | None:
    """A snapshot's header and bank; what is wrong with it is noted."""
    try:
        header = blob.read_header(blobs[0] if blobs else b"")
        if not tag.endswith(f"{header.layer}/bank"):
            raise blob.BlobError(f"it is of layer {header.layer!r}")
        bank = blob.decode_snapshot(blobs).with_fields(step=step)
    except blob.BlobError as error:
        recorded.problems.append(f"step {step}: {error}")
        return None
    if not recorded.banks:
        recorded.layer = header.layer
        recorded.tag = tag.removesuffix("/bank").removesuffix(header.layer).removesuffix("/")
    return header, bank


def _events(directory: str) -> Iterator[event_pb2.Event]:
    """Events that may hold raw filters, in the order of recording. Damage is told."""
    for path in _files(directory):
        yield from _events_of(path)


def _events_of(path: str) -> Iterator[event_pb2.Event]:
    """Those of one file. One that breaks off gives what comes before."""
    for record in _records(path):
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
    begins = {path: _first_step(path) for path in by_clock}
    ordered = [path for path in by_clock if begins[path] is None]  # they hold no filters
    nothing = len(ordered)
    astray: list[str] = []
    for path in by_clock:
        if (begun := begins[path]) is not None:
            step, goes_on = begun
            is_led_to = any(_step(begins[each]) < step for each in ordered[nothing:])
            (ordered if is_led_to or not goes_on else astray).append(path)
    for path in sorted(astray, key=lambda each: _step(begins[each])):
        least = _step(begins[path])
        place = next((i + 1 for i in range(nothing, len(ordered)) if _step(begins[ordered[i]]) < least), len(ordered))
        while place < len(ordered) and 0 < _step(begins[ordered[place]]) < least:
            place += 1
        ordered.insert(place, path)
    return ordered


def _first_step(path: str) -> tuple[int, bool] | None:
    """Step of the first raw filters in a file, and whether they go on from earlier ones; ``None`` without any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is told when all is read
        for event in _events_of(path):
            for value in event.summary.value:
                try:
                    header = blob.read_header((*value.tensor.string_val, b"")[0])
                except blob.BlobError:
                    continue
                return event.step, event.step > 0 and not header.reference
    return None


def _step(begun: tuple[int, bool] | None) -> float:
    return math.inf if begun is None else begun[0]


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


def _tell_superseded(path: str, fits: _Fits) -> None:
    if fits.superseded:
        epochs = ", ".join(f"{first} to {last}" if first < last else str(first) for first, last in fits.superseded)
        older = "an older record" if len(fits.superseded) == 1 else f"{len(fits.superseded)} older records"
        lacking = f"; only there is {', '.join(map(repr, fits.left_out))}, left out" if fits.left_out else ""
        warnings.warn(
            f"{path!r} holds {older} too, of epochs {epochs}: the newest supersedes what came before{lacking}",
            stacklevel=3,
        )


def _is_alike(bank: FilterBank, last: FilterBank) -> bool:
    """Whether a bank holds the same filters, in the same form, as a later one."""
    return _covers(bank, last) and bank.filters == last.filters


def _covers(bank: FilterBank, last: FilterBank) -> bool:
    """Whether a bank holds the filters of a later one, and maybe others, in the same form."""
    same = bank.weights.shape[1:] == last.weights.shape[1:] and bank.weights.dtype == last.weights.dtype
    held = bool(np.isin(last.indices, bank.indices).all())
    return same and held and bank.total_filters == last.total_filters
