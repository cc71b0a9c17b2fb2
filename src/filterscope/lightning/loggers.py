"""Where a Trainer's monitors write: to its TensorBoard loggers, or into event files of their own."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytorch_lightning.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_warn
from torch.utils.tensorboard import SummaryWriter

from filterscope.recording.resume import canonical, from_state

#: Folder of our own event files, below where the Trainer's logger keeps its files.
FOLDER = "filters"


@dataclass
class _Own:
    """A writer of ours, which the monitors of a Trainer share."""

    writer: SummaryWriter
    users: int = 0


_own: weakref.WeakKeyDictionary[Any, _Own] = weakref.WeakKeyDictionary()


def writers(trainer: Any, state: Mapping[str, Any] | None = None) -> list[SummaryWriter]:
    """Where to write: on rank 0 at least one, unless nothing is to be written; on other ranks none. All ranks call it.

    Args:
        trainer: A Trainer.
        state: Of the checkpoint that its fit goes on from, if any.

    Raises:
        MisconfigurationException: It has no logger at all.
    """
    if trainer.fast_dev_run or any(type(logger).__name__ == "DummyLogger" for logger in trainer.loggers):
        return []
    if not trainer.loggers:
        works = "use Trainer(logger=TensorBoardLogger(...)), or leave logger at its default"
        if trainer.barebones:
            works = "Trainer(barebones=True) can have none: leave out barebones, or the monitor"
        raise MisconfigurationException(f"Conv1dFilterMonitor needs a logger to write to; {works}")
    is_first = trainer.global_rank == 0
    found = [each for each in map(_experiment, trainer.loggers) if isinstance(each, SummaryWriter)] if is_first else []
    if trainer.strategy.broadcast(bool(found)):
        return found
    root = trainer.log_dir  # a broadcast, which takes all ranks
    if not is_first:
        return []
    try:
        return [_own_writer(trainer, root, state)]
    except Exception as error:
        rank_zero_warn(f"filterscope cannot make event files of its own ({error}): Conv1dFilterMonitor is inactive")
        return []


def release(trainer: Any) -> None:
    """A monitor has written all that it will: the last one to say so closes the writer of ours, if there is one."""
    if (own := _own.get(trainer)) is not None:
        own.users -= 1
        if own.users <= 0:
            del _own[trainer]
            own.writer.close()


def _experiment(logger: Any) -> Any:
    """What a logger logs with: one of another make may have none, or fail to make it."""
    try:
        return getattr(logger, "experiment", None)
    except Exception:
        return None


def _own_writer(trainer: Any, root: str | None, state: Mapping[str, Any] | None) -> SummaryWriter:
    if trainer not in _own:
        folder = os.path.join(root or trainer.logger.save_dir or trainer.default_root_dir, FOLDER)
        directory = os.path.join(folder, _version(folder, trainer.logger.version, state))
        _own[trainer] = _Own(SummaryWriter(canonical(directory)))  # wherever the process goes
        names = ", ".join(dict.fromkeys(type(logger).__name__ for logger in trainer.loggers))
        rank_zero_info(
            f"filterscope: {names} takes no TensorBoard summaries, so the filters go into event files of their own. "
            f"Look at them: tensorboard --logdir {folder}"
        )
    _own[trainer].users += 1
    return _own[trainer].writer


def _version(folder: str, version: Any, state: Mapping[str, Any] | None) -> str:
    """The logger's version, or where the fit recorded before that this one goes on from, or a fresh number."""
    if version is not None:
        return re.sub(r"[^\w.-]", "_", str(version))
    for run in reversed(from_state(state) if state else []):
        if os.path.dirname(run.directory) == canonical(folder) and os.path.isdir(run.directory):
            return os.path.basename(run.directory)
    taken = [int(name) for name in os.listdir(folder) if name.isdigit()] if os.path.isdir(folder) else []
    return str(max(taken, default=-1) + 1)
