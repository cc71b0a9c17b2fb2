"""Event files in, histories out: what a run recorded, as arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

from tensorboard.backend.event_processing import io_wrapper
from tensorboard.compat import tf

from filterscope.events.layers import Fits, RecordedLayer, read_layers
from filterscope.filters.checks import check_patterns
from filterscope.filters.history import FilterHistory
from filterscope.filters.selection import select
from filterscope.filters.words import plural

#: What TensorBoard reads other file systems with.
_PACKAGES = {
    "s3": "boto3",
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "adlfs"),
    "hdfs": "fsspec pyarrow",
}


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


def _of_one_run(path: str) -> list[RecordedLayer]:
    if not _is_directory(path):
        what = "is a file" if tf.io.gfile.exists(path) else "does not exist"
        raise FileNotFoundError(f"{path!r} {what}; give the directory that TensorBoard is pointed at")
    if recorded := read_layers(path):  # what lies below are other runs
        return recorded
    directories = sorted(io_wrapper.GetLogdirSubdirectories(path))
    runs = {directory: recorded for directory in directories if (recorded := read_layers(directory))}
    if not runs:
        there = f"{plural(len(directories), 'run')} without filters" if directories else "no event files"
        raise ValueError(
            f"no filters were recorded in {path!r} ({there}); add Conv1dFilterMonitor() to the Trainer, with its "
            "save_filters left at True"
        )
    if len(runs) > 1:
        names = ", ".join(repr(directory.removeprefix(path).lstrip("/" + os.sep)) for directory in runs)
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


def _of_one_tag(recorded: Sequence[RecordedLayer], path: str, tag: str | None) -> list[RecordedLayer]:
    known = {each.tag for each in recorded if each.banks} | ({tag} if tag else set())
    for each in recorded:  # where nothing is readable, tag and layer were guessed
        name = f"{each.tag}/{each.layer}"
        if not each.banks and (owner := next((one for one in known if name.startswith(f"{one}/")), None)):
            each.tag, each.layer = owner, name.removeprefix(f"{owner}/")
    by_tag: dict[str, list[RecordedLayer]] = {}
    for each in recorded:
        by_tag.setdefault(each.tag, []).append(each)
    tags = ", ".join(map(repr, by_tag))
    if tag is None and len(by_tag) > 1:
        raise ValueError(f"the run in {path!r} has filters of several monitors: give tag= one of {tags}")
    if tag is not None and tag not in by_tag:
        raise ValueError(f"tag={tag!r}: the run in {path!r} has {tags}")
    return by_tag[tag] if tag is not None else next(iter(by_tag.values()))


def _tell(recorded: RecordedLayer) -> None:
    if recorded.problems:
        snapshots = plural(len(recorded.problems), "snapshot")
        warnings.warn(f"layer {recorded.layer!r}: {snapshots} cannot be read ({recorded.problems[0]})", stacklevel=3)


def _tell_superseded(path: str, fits: Fits) -> None:
    if fits.superseded:
        epochs = ", ".join(f"{first} to {last}" if first < last else str(first) for first, last in fits.superseded)
        older = "an older record" if len(fits.superseded) == 1 else f"{len(fits.superseded)} older records"
        lacking = f"; only there is {', '.join(map(repr, fits.left_out))}, left out" if fits.left_out else ""
        warnings.warn(
            f"{path!r} holds {older} too, of epochs {epochs}: the newest supersedes what came before{lacking}",
            stacklevel=3,
        )
