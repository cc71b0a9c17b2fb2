"""Whose changes of the weights a snapshot shows: as README and docstring tell it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from filterscope import Conv1dFilterMonitor, load_history
from tests.support.lifecycles import Hook
from tests.support.nets import SmallNet, loader, make_trainer


def fill(number: float) -> Callable[..., None]:
    """Sets the weights that are recorded."""

    def act(trainer: Any, model: Any) -> None:
        with torch.no_grad():
            model.conv1.weight.fill_(number)

    return act


def recorded(tmp_path: Path, hook: str, **options: Any) -> dict[int, float | None]:
    """At each step, the number that was in all weights, if one was: a callback's before 1, after 2, the module's 3."""
    model = SmallNet()
    setattr(model, hook, lambda *_: fill(3)(None, model))
    monitor = Conv1dFilterMonitor(layers="conv1", plots=(), **options)
    callbacks = [Hook(hook, fill(1)), monitor, Hook(hook, fill(2)), ModelCheckpoint(tmp_path, filename="last")]
    trainer = make_trainer(tmp_path, *callbacks, max_epochs=2, enable_checkpointing=True)
    trainer.fit(model, loader())
    history = load_history(tmp_path)["conv1"]
    values = [np.unique(weights) for weights in history.weights]
    found = [float(value[0]) if len(value) == 1 else None for value in values]
    return dict(zip(history.steps.tolist(), found, strict=True))


def test_an_epochs_snapshot_follows_callbacks_listed_before_and_precedes_all_else(tmp_path: Path) -> None:
    assert recorded(tmp_path, "on_train_epoch_end") == {0: None, 4: 1, 8: 1, 9: 3}  # the last: the final weights
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]["conv1.weight"]
    assert saved.unique().tolist() == [3]  # a checkpoint comes last of all


def test_what_the_module_does_at_a_batchs_end_is_in_its_epochs_snapshot(tmp_path: Path) -> None:
    assert recorded(tmp_path, "on_train_batch_end", every_n_train_steps=1) == {
        0: None, 1: 1, 2: 1, 3: 1, 4: 3, 5: 1, 6: 1, 7: 1, 8: 3,
    }  # fmt: skip
