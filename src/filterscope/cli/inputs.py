"""Where filters come from: the event files of a run, or a file of weights; ``UserError`` if they do not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filterscope.cli.console import UserError, doing, note

if TYPE_CHECKING:
    from filterscope.filters.bank import FilterBank
    from filterscope.filters.history import FilterHistory


def is_run(path: str) -> bool:
    """Whether a path is a directory, local or one of those that TensorBoard itself reads; else it is a file."""
    if "://" in path or os.path.isdir(path):
        return True
    if not os.path.exists(path):
        raise UserError(f"{path!r} does not exist")
    if "tfevents" in os.path.basename(path):
        raise UserError(f"{path!r} is one event file; give its directory, {os.path.dirname(path) or '.'!r}")
    return False


def histories(path: str, layers: Sequence[str] | None, tag: str | None) -> dict[str, FilterHistory]:
    """What a run recorded, by layer, in model order."""
    from filterscope.events.history import load_history

    try:
        with doing(f"reading {path}"):
            return load_history(path, layers, tag)
    except (FileNotFoundError, ImportError) as error:
        raise UserError(str(error)) from error
    except ValueError as error:
        from filterscope.models.files import kind_of_directory

        if kind := kind_of_directory(path):
            raise UserError(f"{path!r} is {kind}") from error
        words = str(error).removeprefix(f"layers={layers!r}: ").replace("give tag= one of", "give --tag one of")
        raise UserError(words.replace(f"tag={tag!r}:", f"--tag {tag!r}:")) from error


def require_run(path: str, command: str) -> None:
    """Refuse a checkpoint where a history is needed."""
    if not is_run(path):
        raise UserError(f"{path!r} is a file; '{command}' needs a history: give the directory of a run")


def banks(path: str, layers: Sequence[str] | None, sample_rate: float | None = None) -> dict[str, FilterBank]:
    """The filters of a Lightning checkpoint or a saved ``state_dict``, by layer. Nothing in the file is executed."""
    with doing(f"reading {path}"):
        from filterscope.models.files import load_file
        from filterscope.models.read import read_filters

        try:
            stored = load_file(path)
        except ValueError as error:
            raise UserError(f"{path!r} {error}") from error
        try:
            found = read_filters(stored, layers, sample_rate)
        except ValueError as error:
            raise UserError(f"{path!r}: " + str(error).removeprefix(f"layers={layers!r}: ")) from error
    if not found:
        kind = "1-D filters" if layers else "1-D filters with more than one tap (--layer '*' takes all)"
        raise UserError(f"{path!r} holds no {kind}")
    return found


def refuse_tag(path: str, tag: str | None) -> None:
    """Say that a checkpoint has no tags, if one was asked for."""
    if tag is not None:
        note(f"--tag is for runs: {Path(path).name} is a checkpoint and has none")
