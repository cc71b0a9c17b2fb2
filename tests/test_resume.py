"""Fits that go on from a checkpoint: no step is logged twice, and what is measured is measured from there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.plots.drift import DriftPicture
from filterscope.plots.evolution import EvolutionPicture, tap_rows
from filterscope.plots.raster import Raster
from filterscope.plots.taps import TapsPicture
from tests.events import Logged
from tests.models import SmallNet, loader, make_trainer

KINDS = ("weights", "rotation", "rms", "dead")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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


class Weights(pl.Callback):
    """Copies of conv1's weights by steps done, and the steps at which epochs ended."""

    def __init__(self) -> None:
        self.at: dict[int, np.ndarray] = {}
        self.ends: list[int] = []

    def _take(self, trainer: Any, model: Any) -> int:
        step = trainer.global_step  # right from the first hook on; Lightning's count of batches may lag by one there
        self.at[step] = model.conv1.weight.detach().numpy().copy()
        return step

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.start = self._take(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.ends.append(self._take(trainer, pl_module))


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
    tmp_path: Path, checkpoint: Path, version: int, *others: pl.Callback, epochs: int = 5, **arguments: Any
) -> Weights:
    """A fit in a new Trainer, of a new model, from a checkpoint."""
    weights = Weights()
    monitor = Conv1dFilterMonitor(**({"plot_every_n_epochs": 1} | arguments))
    logger = TensorBoardLogger(str(tmp_path), name="run", version=version)
    trainer = make_trainer(tmp_path, weights, monitor, *others, max_epochs=epochs, logger=logger)
    trainer.fit(Validated(), loader(), loader(), ckpt_path=checkpoint)
    return weights


def rotation(weights: np.ndarray, reference: np.ndarray) -> float:
    w, r = weights.astype(np.float64), reference.astype(np.float64)
    return float(1 - (w * r).sum() / np.sqrt((w**2).sum() * (r**2).sum()))


def pixels(sheet: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(Raster(sheet).png())).convert("RGB"))


def assert_increasing(logged: Logged) -> None:
    for tag in logged.tags() - {"filters/layers"}:  # one table for each fit
        assert all(a < b for a, b in pairwise(logged.steps(tag))), (tag, logged.steps(tag))


@pytest.mark.parametrize("version", [0, 1], ids=["same directory", "new directory"])
@pytest.mark.parametrize("save", SAVES)
def test_a_resumed_fit_repeats_no_step_and_measures_from_the_resumed_weights(
    tmp_path: Path, save: str, version: int
) -> None:
    checkpoint, _ = first_fit(tmp_path, save)
    start = SAVES[save][1]
    before = {8: [0, 4, 8], 6: [0, 4]}[start]
    after = [step for step in (8, 12, 16, 20) if step > start]
    weights = resumed(tmp_path, checkpoint, version)
    assert weights.start == start
    # A checkpoint saved after validation has Lightning repeat the end of its epoch.
    assert weights.ends == ([start] if save == "after validation" else []) + after
    logged, union = Logged(tmp_path / "run" / f"version_{version}"), Logged(tmp_path)
    assert_increasing(logged)
    assert_increasing(union)
    for layer in ("conv1", "conv2"):
        for kind in KINDS:
            assert union.steps(f"filters/{layer}/{kind}") == before + after
            assert logged.steps(f"filters/{layer}/{kind}") == (after if version else before + after)
    numbers = dict(logged.scalars["filters/conv1/rotation"])
    reference = weights.at[start]
    wanted = [rotation(weights.at[step], reference) for step in after]
    assert [numbers[step] for step in after] == pytest.approx(wanted, abs=2e-7)
    assert wanted[0] > 1e-5
    # One row of evolution or drift would show nothing: they are there from the second snapshot on.
    for kind, drawn in {"taps": after, "response": after, "evolution": after[1:], "drift": after[1:]}.items():
        assert [step for step in logged.steps(f"filters/conv1/{kind}") if step > start] == drawn


@pytest.mark.parametrize("save", ["after the epoch", "after validation"])
def test_images_of_a_resumed_fit_say_what_they_are_measured_from(tmp_path: Path, save: str) -> None:
    checkpoint, _ = first_fit(tmp_path, save)
    weights = resumed(tmp_path, checkpoint, 1, epochs=4)
    logged = Logged(tmp_path / "run" / "version_1")
    for step, epoch, moment in ((12, 3, "epoch 3"), (16, 4, "final, epoch 4")):
        now = FilterBank("conv1", weights.at[step], epoch=epoch)
        said = {}
        for since in (0, 1, 2):
            picture = TapsPicture(now, FilterBank("conv1", weights.at[8], epoch=since))
            picture.update(now, moment)
            said[since] = pixels(picture.sheet)
        assert not np.array_equal(said[1], said[2])  # the words tell
        np.testing.assert_array_equal(dict(logged.images["filters/conv1/taps"])[step], said[2])


def test_histories_of_a_resumed_fit_are_of_its_own_snapshots(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch")
    at = resumed(tmp_path, checkpoint, 1, epochs=4).at
    logged = Logged(tmp_path / "run" / "version_1")
    reference = FilterBank("conv1", at[8], epoch=2)
    now, epochs, moment = FilterBank("conv1", at[16], epoch=4), np.array([3, 4]), "final, epoch 4"
    drift = DriftPicture(now, reference)
    turned = np.array([[rotation(w, r) for w, r in zip(at[s], at[8], strict=True)] for s in (12, 16)])
    drift.update(now, turned, epochs, moment)
    np.testing.assert_array_equal(logged.images["filters/conv1/drift"][-1][1], pixels(drift.sheet))
    evolution = EvolutionPicture(now, reference, "auto")
    rows = np.stack([tap_rows(at[step], at[8], "auto") for step in (12, 16)], axis=1)
    evolution.update(now, rows, epochs, moment)
    np.testing.assert_array_equal(logged.images["filters/conv1/evolution"][-1][1], pixels(evolution.sheet))


def test_the_first_change_after_resuming_is_from_the_resumed_weights_or_none(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch")
    at = resumed(tmp_path, checkpoint, 1).at
    changes = dict(Logged(tmp_path / "run" / "version_1").scalars["filters/conv1/change"])
    assert set(changes) - {12} == {16, 20}
    for step, value in changes.items():
        step_size = np.linalg.norm(at[step] - at[step - 4]) / np.linalg.norm(at[step - 4])
        assert value == pytest.approx(step_size, rel=1e-5)


def test_a_resumed_fit_off_the_cadence_ends_with_its_final_weights(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch", every_n_epochs=2)
    weights = resumed(tmp_path, checkpoint, 0, every_n_epochs=2)
    union = Logged(tmp_path)
    assert union.steps("filters/conv1/weights") == [0, 8, 16, 20]
    assert union.steps("filters/conv1/taps") == [0, 8, 16, 20]
    final = dict(union.scalars["filters/conv1/rotation"])[20]
    assert final == pytest.approx(rotation(weights.at[20], weights.at[8]), abs=2e-7)


@pytest.mark.parametrize("save", ["after the epoch", "after validation"])
def test_resuming_a_fit_with_nothing_left_to_train_logs_nothing(tmp_path: Path, save: str) -> None:
    checkpoint, _ = first_fit(tmp_path, save)
    resumed(tmp_path, checkpoint, 1, epochs=2)
    assert Logged(tmp_path / "run" / "version_1").tags() == set()


def test_one_monitor_can_go_on_in_a_trainer_of_its_own(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch", epochs=3)
    monitor, weights = Conv1dFilterMonitor(plots=()), Weights()
    make_trainer(tmp_path / "other", monitor, max_epochs=1).fit(Validated(), loader())
    trainer = make_trainer(tmp_path / "on", monitor, weights, max_epochs=3)
    trainer.fit(Validated(), loader(), loader(), ckpt_path=checkpoint)
    logged = Logged(tmp_path / "on")
    value = rotation(weights.at[12], weights.at[8])  # not from what it saw in the other Trainer
    assert logged.scalars["filters/conv1/rotation"] == [(12, pytest.approx(value, abs=2e-7))]


def test_a_fit_in_the_same_trainer_from_an_earlier_checkpoint_measures_from_there(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch")
    weights = Weights()
    logger = TensorBoardLogger(str(tmp_path), name="on", version=0)
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), weights, max_epochs=1, logger=logger)
    trainer.fit(Validated(), loader(), loader())  # other weights, at steps 0 to 4
    trainer.fit_loop.max_epochs = 3
    trainer.fit(Validated(), loader(), loader(), ckpt_path=checkpoint)
    numbers = dict(Logged(tmp_path / "on").scalars["filters/conv1/rotation"])
    assert list(numbers) == [0, 4, 12]
    assert numbers[12] == pytest.approx(rotation(weights.at[12], weights.at[8]), abs=2e-7)


@pytest.mark.parametrize("first", [True, False], ids=["monitor first", "monitor last"])
def test_a_resumed_fit_with_averages_measures_live_weights_and_ends_with_averages(tmp_path: Path, first: bool) -> None:
    def callbacks() -> tuple[list[pl.Callback], Weights]:
        pair: list[pl.Callback] = [Conv1dFilterMonitor(), EMAWeightAveraging(decay=0.9)]
        weights = Weights()
        return [*(pair if first else pair[::-1]), weights], weights

    ours, _ = callbacks()
    saver = ModelCheckpoint(dirpath=tmp_path, filename="saved", save_on_train_epoch_end=True)
    make_trainer(tmp_path, *ours, saver, max_epochs=1, enable_checkpointing=True).fit(Validated(), loader(), loader())
    ours, weights = callbacks()
    logger = TensorBoardLogger(str(tmp_path), name="run", version=1)
    trainer, model = make_trainer(tmp_path, *ours, max_epochs=2, logger=logger), Validated()
    trainer.fit(model, loader(), loader(), ckpt_path=tmp_path / "saved.ckpt")
    numbers = Logged(tmp_path / "run" / "version_1").scalars["filters/conv1/rotation"]
    final = model.conv1.weight.detach().numpy()
    wanted = [(8, rotation(weights.at[8], weights.at[4])), (9, rotation(final, weights.at[4]))]
    assert numbers == [(step, pytest.approx(value, abs=2e-7)) for step, value in wanted]
    assert abs(wanted[0][1] - wanted[1][1]) > 1e-5
