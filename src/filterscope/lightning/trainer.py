"""What a Trainer knows: how far its fit has come, and how far it will go."""

from __future__ import annotations

import math
from typing import Any

from filterscope.recording.schedule import planned_epochs


def current_step(trainer: Any) -> int:
    """The step that Lightning's own loggers use: batches that stepped, whatever the number of optimisers."""
    try:
        return int(trainer.fit_loop.epoch_loop._batches_that_stepped)
    except AttributeError:
        return int(trainer.global_step)


def epochs_done(trainer: Any) -> int:
    """Epochs completed; Lightning does not count one whose end it will replay, after a checkpoint at validation."""
    loop = trainer.fit_loop
    is_replayed = loop.restarted_mid_epoch and loop.epoch_loop.batch_progress.is_last_batch
    return int(trainer.current_epoch) + bool(is_replayed)


def epochs_planned(trainer: Any) -> int | None:
    """Epochs that a fit will take at most, by what bounds it; ``None`` if nothing does."""
    per_epoch = trainer.num_training_batches / trainer.accumulate_grad_batches
    steps_per_epoch = math.ceil(per_epoch) if math.isfinite(per_epoch) else math.inf
    return planned_epochs(trainer.max_epochs, trainer.max_steps, steps_per_epoch)


def batches_done(trainer: Any) -> int:
    """Batches of the whole fit so far. An epoch's end that a checkpoint replays comes before the first new one."""
    return int(trainer.fit_loop.total_batch_idx)
