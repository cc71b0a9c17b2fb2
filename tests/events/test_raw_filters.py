"""What raw filters cost is bounded, and said before it is spent."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn

from filterscope import Conv1dFilterMonitor, load_history
from filterscope.recording import log
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer


class Wide(SmallNet):
    """A layer of a million monitored weights: 2 MB per snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv1d(512, 64, 31)


class StopAtOnce(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        trainer.should_stop = True


def warned(tmp_path: Path, monitor: Conv1dFilterMonitor, **options: object) -> list[str]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        make_trainer(tmp_path, monitor, StopAtOnce(), **options).fit(Wide(), loader())
    return [str(each.message) for each in said if "raw filters" in str(each.message)]


def test_a_fit_that_would_write_more_than_a_gigabyte_is_told_so_and_what_would_not(tmp_path: Path) -> None:
    (words,) = warned(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1200)
    assert "2.3 GiB" in words  # 1200 x 512 x 64 x 31 x 2 bytes
    assert "every_n_epochs=3" in words


def test_where_both_cadences_write_too_much_those_named_write_less(tmp_path: Path) -> None:
    """Epochs of four batches: 1200 snapshots at their ends, and 4800 or 2400 by steps."""
    (words,) = warned(tmp_path / "1", Conv1dFilterMonitor(plots=(), every_n_train_steps=1), max_epochs=1200)
    assert "will write 11.4 GiB of raw filters in 6000 snapshots" in words
    assert "every_n_epochs=12 with every_n_train_steps=12, " in words
    assert words.endswith(" would write less than 1 GiB")
    cadences: dict[str, Any] = {"every_n_epochs": 12, "every_n_train_steps": 12}
    assert warned(tmp_path / "12", Conv1dFilterMonitor(plots=(), **cadences), max_epochs=1200) == []
    (words,) = warned(tmp_path / "2", Conv1dFilterMonitor(plots=(), every_n_train_steps=2), max_epochs=1200)
    assert "in 3600 snapshots; every_n_epochs=7 with every_n_train_steps=14, " in words


@pytest.mark.parametrize(
    ("arguments", "epochs"),
    [
        ({"every_n_epochs": 3}, 1200),
        ({"max_filters": 20}, 1200),
        ({"save_filters": False}, 1200),
        ({"layers": "conv*"}, 1200),
        ({}, 500),
        ({}, -1),
    ],
)
def test_a_fit_that_writes_less_is_told_nothing(tmp_path: Path, arguments: dict[str, Any], epochs: int) -> None:
    assert warned(tmp_path, Conv1dFilterMonitor(plots=(), **arguments), max_epochs=epochs) == []


def test_of_a_very_large_model_the_initial_snapshot_keeps_the_monitored_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "WHOLE_BYTES", 100)
    torch.manual_seed(0)
    model = SmallNet()
    initial = model.conv1.weight.detach().numpy().copy()
    monitor = Conv1dFilterMonitor(plots=(), max_filters=2)
    saver = ModelCheckpoint(dirpath=tmp_path, filename="saved", save_on_train_epoch_end=True)
    with pytest.warns(RuntimeWarning, match="max_filters=2") as said:
        make_trainer(tmp_path, monitor, saver, max_epochs=1, enable_checkpointing=True).fit(model, loader())
    assert sum("max_filters=2" in str(each.message) for each in said) == 1
    kept = load_history(tmp_path)["conv1"].initial
    np.testing.assert_array_equal(kept.weights, initial[:2])
    assert kept.total_filters == 6

    again, logger = SmallNet(), TensorBoardLogger(str(tmp_path), name="run", version=1)
    monitor = Conv1dFilterMonitor(plots=(), max_filters=2)
    trainer = make_trainer(tmp_path, monitor, max_epochs=2, logger=logger)
    trainer.fit(again, loader(), ckpt_path=tmp_path / "saved.ckpt")
    final, start = again.conv1.weight.detach().numpy()[:2].astype(float), initial[:2].astype(float)
    wanted = 1 - (final * start).sum() / np.sqrt((final**2).sum() * (start**2).sum())
    numbers = Logged(tmp_path / "run" / "version_1").scalars["filters/conv1/rotation"]
    assert numbers == [(8, pytest.approx(wanted, abs=2e-7))]
