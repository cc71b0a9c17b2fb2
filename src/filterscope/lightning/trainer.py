"""What a Trainer knows: how far its fit has come, and how far it will go."""

from __future__ import annotations

import math
from typing import Any

from filterscope.recording.schedule import planned_epochs, planned_steps

#: Snapshots that advice on a cadence by steps aims at.
_ADVISED = 50


# Private names below were checked with Lightning 2.5.3 to 2.6.


def current_step(trainer: Any) -> int:
    """The step that Lightning's own loggers use: batches that stepped, whatever the number of optimisers."""
    try:
        return int(trainer.fit_loop.epoch_loop._batches_that_stepped)
    except AttributeError:
        return int(trainer.global_step)


def step_of_batch(trainer: Any) -> int | None:
    """At the end of a batch: the step that it brought, which Lightning counts later; ``None`` while accumulating."""
    try:
        loop = trainer.fit_loop.epoch_loop
        return None if loop._should_accumulate() else int(loop._batches_that_stepped) + 1
    except AttributeError:
        return int(trainer.global_step)


def is_last_batch(trainer: Any) -> bool:
    """At the end of a batch: whether the epoch ends with it, if that is known."""
    try:
        return bool(trainer.fit_loop.epoch_loop._num_ready_batches_reached())
    except AttributeError:
        return False


def epochs_planned(trainer: Any) -> int | None:
    """Epochs that a fit will take at most, by what bounds it; ``None`` if nothing does."""
    return planned_epochs(trainer.max_epochs, trainer.max_steps, _steps_per_epoch(trainer), _per_batch(trainer))


def steps_planned(trainer: Any) -> int | None:
    """Steps that a fit will take at most, on the loggers' axis; ``None`` if nothing bounds it."""
    return planned_steps(trainer.max_epochs, trainer.max_steps, _steps_per_epoch(trainer), _per_batch(trainer))


def advised_steps(trainer: Any) -> int | None:
    """A cadence by steps for a fit in which epochs' ends would give no history; ``None`` for other fits."""
    steps, is_endless = steps_planned(trainer), not math.isfinite(_steps_per_epoch(trainer))
    if steps is None:
        return 100 if is_endless else None
    is_short = steps <= _steps_per_epoch(trainer)
    return steps // _ADVISED if is_short and steps > _ADVISED else None


def _steps_per_epoch(trainer: Any) -> float:
    per_epoch = float(trainer.num_training_batches / trainer.accumulate_grad_batches)
    return math.ceil(per_epoch) if math.isfinite(per_epoch) else math.inf


def _per_batch(trainer: Any) -> float:
    """Optimiser steps per batch, as many as there are optimisers: as seen so far."""
    return max(float(trainer.global_step) / max(current_step(trainer), 1), 1.0)
