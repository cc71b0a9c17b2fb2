"""Fits that leave a checkpoint, and fits that go on from it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from filterscope import Conv1dFilterMonitor
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.weights import Weights


class Validated(SmallNet):
    """Has a validation step, after which Lightning may save checkpoints; may fail in a batch, counted from 1."""

    def __init__(self, fail_at: int = 0) -> None:
        super().__init__()
        self.fail_at = fail_at

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if self.trainer.global_step + 1 == self.fail_at:
            raise ValueError("boom")
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("loss", self(batch[0]).square().mean())


#: How a checkpoint of the second epoch comes to be: by what, and the step that is in it.
SAVES: dict[str, tuple[dict[str, Any], int]] = {
    "after the epoch": ({"save_on_train_epoch_end": True}, 8),
    "after validation": ({"save_on_train_epoch_end": False}, 8),
    "in mid-epoch": ({"every_n_train_steps": 6}, 6),
}


def first_fit(tmp_path: Path, save: str, *, epochs: int = 2, **arguments: Any) -> tuple[Path, Weights]:
    """A fit that ends with the epoch, or fails in its middle, and left a checkpoint."""
    options, step = SAVES[save]
    torch.manual_seed(0)
    saver = ModelCheckpoint(dirpath=tmp_path / "checkpoints", save_top_k=-1, filename="{step}", **options)
    weights, fail_at = Weights(), 7 if save == "in mid-epoch" else 0
    monitor = Conv1dFilterMonitor(plot_every_n_epochs=1, **arguments)
    trainer = make_trainer(tmp_path, weights, monitor, saver, max_epochs=epochs, enable_checkpointing=True)
    if fail_at:
        with pytest.raises(ValueError, match="boom"):
            trainer.fit(Validated(fail_at), loader(), loader())
    else:
        trainer.fit(Validated(), loader(), loader())
    return tmp_path / "checkpoints" / f"step={step}.ckpt", weights


def resumed(
    tmp_path: Path,
    checkpoint: Path,
    version: int,
    *others: pl.Callback,
    epochs: int = 5,
    enable_checkpointing: bool = False,
    **arguments: Any,
) -> Weights:
    """A fit in a new Trainer, of a new model, from a checkpoint."""
    weights = Weights()
    monitor = Conv1dFilterMonitor(**({"plot_every_n_epochs": 1} | arguments))
    logger = TensorBoardLogger(str(tmp_path), name="run", version=version)
    trainer = make_trainer(
        tmp_path, weights, monitor, *others, max_epochs=epochs, logger=logger, enable_checkpointing=enable_checkpointing
    )
    trainer.fit(Validated(), loader(), loader(), ckpt_path=checkpoint)
    return weights


def assert_increasing(logged: Logged) -> None:
    for tag in logged.tags() - {"filters/layers"}:  # one table for each fit
        assert all(a < b for a, b in pairwise(logged.steps(tag))), (tag, logged.steps(tag))
