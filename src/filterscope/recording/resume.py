"""A fit that goes on from a checkpoint: where the filters recorded so far are, and what they were."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import Any

from tensorboard.compat import tf
from torch.utils.tensorboard import SummaryWriter

from filterscope.events.layers import is_measured_from, read_layers, step_of
from filterscope.events.outlet import file_writer
from filterscope.filters.bank import FilterBank

_VERSION = 1
#: Directories that a checkpoint names at most: the first, which has the initial filters, and the newest.
_MOST_RUNS = 16
#: How far up from the checkpoint to look for directories that were moved with it.
_LEVELS = 6


#: Monitored filters, and the change of the whole layer since the snapshot before, if that is known.
Snapshot = tuple[FilterBank, float | None]


@dataclass(frozen=True)
class PastRun:
    """One directory into which a fit recorded.

    Attributes:
        directory: Path at the time of recording.
        file: Name of an event file there, by which a moved directory is known.
        start: Step at which the fit began to record there; -1 for one from initialisation.
    """

    directory: str
    file: str
    start: int


@dataclass
class Past:
    """What is known of one layer from before a resume.

    Attributes:
        reference: What rotation was measured from.
        snapshots: Those measured from it, in the order of their steps.
        last_step: Of the last snapshot of the epochs completed: averaged weights come one step after the epoch's end.
    """

    reference: FilterBank | None = None
    snapshots: list[Snapshot] = field(default_factory=list)
    last_step: int = -1


def place_of(writer: SummaryWriter) -> PastRun:
    """Where a writer writes. Without the private name of its file, a directory that was moved is not known again."""
    path = str(getattr(getattr(file_writer(writer), "event_writer", None), "_file_name", ""))
    return PastRun(canonical(str(writer.log_dir)), os.path.basename(path), -1)


def to_state(runs: Sequence[PastRun], seen: Sequence[str] = ()) -> dict[str, Any]:
    """What a checkpoint keeps: a few hundred bytes for each directory, and the layers that a forward told of."""
    kept = [*runs[:1], *runs[1:][-(_MOST_RUNS - 1) :]]
    return {"version": _VERSION, "runs": [asdict(run) for run in kept], "seen": list(seen)}


def seen_names(state: Mapping[str, Any]) -> tuple[str, ...]:
    """Layers that a forward told of in the fit that a checkpoint is of."""
    return tuple(map(str, state.get("seen", ())))


def from_state(state: Mapping[str, Any]) -> list[PastRun]:
    """The directories that a checkpoint names; none of a state that this version does not know."""
    if state.get("version") != _VERSION:
        return []
    return [PastRun(str(run["directory"]), str(run["file"]), int(run["start"])) for run in state.get("runs", ())]


def joined(runs: Sequence[PastRun], run: PastRun) -> list[PastRun]:
    """Directories with one more; a fit that goes on in the same one adds none."""
    if runs and runs[-1].directory == run.directory:
        return list(runs)
    return [*runs, run]


def canonical(directory: str) -> str:
    """The one name of a directory that links may lead to, so that the same ones are told to be the same."""
    return directory if "://" in directory else os.path.realpath(directory)


def locate(runs: Sequence[PastRun], checkpoint: str | os.PathLike[str]) -> list[PastRun]:
    """The directories that still exist, as they are called now: they may have been moved with the checkpoint."""
    found = []
    for run in runs:
        for directory in _candidates(run.directory, os.fspath(checkpoint)):
            if tf.io.gfile.exists(os.path.join(directory, run.file)):
                found.append(replace(run, directory=canonical(directory)))
                break
    return found


def _candidates(directory: str, checkpoint: str) -> Iterator[str]:
    yield directory
    tails = [PurePath(*PurePath(directory).parts[-length:]) for length in (1, 2, 3)]
    above = checkpoint if "://" in checkpoint else os.path.abspath(checkpoint)
    for _ in range(_LEVELS):
        above = os.path.dirname(above)
        yield above
        yield from (os.path.join(above, tail) for tail in tails)


def recorded_before(directory: str, tag: str, epoch: int, step: int | None) -> tuple[dict[str, Past], int, int]:
    """What the event files right in a directory hold from before a snapshot.

    Its step is ``None`` if it will be the one after the last snapshot of earlier epochs.

    Returns:
        What is known of each layer, how many snapshots there are, and how many that this one supersedes.
    """
    past: dict[str, Past] = {}
    given_up = 0
    for recorded in read_layers(directory):
        if recorded.tag == tag:
            before = [
                (bank, change)
                for bank, change in zip(recorded.banks, recorded.changes, strict=True)
                if ((bank.epoch or 0) < epoch if step is None else step_of(bank) < step)
            ]
            given_up = max(given_up, len(recorded.banks) - len(before))
            if before:
                last = step_of(before[-1][0])
                past[recorded.layer] = _measured(recorded.reference(last), before, last)
    return past, max((len(layer.snapshots) for layer in past.values()), default=0), given_up


def _measured(reference: FilterBank | None, snapshots: Sequence[Snapshot], last_step: int) -> Past:
    """Of snapshots, those that were measured from a reference."""
    return Past(reference, [each for each in snapshots if is_measured_from(each[0], reference)], last_step)


def read_past(runs: Sequence[PastRun], tag: str, epoch: int, step: int) -> dict[str, Past]:
    """What was recorded before a checkpoint, by layer, in directories in the order of recording."""
    past: dict[str, Past] = {}
    for run in runs:
        for recorded in read_layers(run.directory):
            if recorded.tag != tag:
                continue
            layer = past.get(recorded.layer, Past())
            # A run that went on from another begins with a copy of the reference, which is no snapshot of its own.
            all_here = zip(recorded.banks, recorded.changes, strict=True)
            own = [each for each in all_here if run.start < step_of(each[0]) <= step]
            snapshots = [each for each in layer.snapshots if step_of(each[0]) <= run.start] + own
            # Averaged weights come one step after their epoch's end; what was taken by steps later is given up.
            kept = [bank for bank in recorded.banks if step_of(bank) <= step or not bank.within_epoch]
            last_step = max((step_of(bank) for bank in kept if (bank.epoch or 0) <= epoch), default=-1)
            past[recorded.layer] = _measured(recorded.reference(step) or layer.reference, snapshots, last_step)
    return past
