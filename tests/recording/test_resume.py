"""Fits that go on from a checkpoint: no step is logged twice, and all is measured from the first weights."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger

from filterscope import Conv1dFilterMonitor, FilterBank, load_history
from filterscope.plots.drift import DriftPicture
from filterscope.plots.evolution import EvolutionPicture
from filterscope.plots.kinds import LAYER_NAMES, OVERVIEW
from filterscope.plots.picture import Times
from filterscope.plots.taps import TapsPicture
from tests.support.averaging import ema
from tests.support.events import Logged
from tests.support.nets import loader, make_trainer
from tests.support.pictures import assert_shows, pixels_of
from tests.support.resumes import SAVES, Validated, assert_increasing, first_fit, resumed
from tests.support.weights import Weights, rotation

KINDS = ("weights", "rotation", "rms", "dead")


@pytest.mark.parametrize("kept", [True, False], ids=["filters kept", "not kept"])
@pytest.mark.parametrize("version", [0, 1], ids=["same directory", "new directory"])
@pytest.mark.parametrize("save", SAVES)
def test_a_resumed_fit_repeats_no_step_and_measures_from_the_initial_weights_where_they_were_kept(
    tmp_path: Path, save: str, version: int, kept: bool
) -> None:
    checkpoint, first = first_fit(tmp_path, save, save_filters=kept)
    start = SAVES[save][1]
    before = {8: [0, 4, 8], 6: [0, 4, 6]}[start]  # at the sixth the first fit was interrupted
    after = [step for step in (8, 12, 16, 20) if step > start]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        weights = resumed(tmp_path, checkpoint, version, save_filters=kept)
    assert not [each for each in said if "filterscope" in str(each.message)]
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
    reference = first.at[0] if kept else weights.at[start]
    wanted = [rotation(weights.at[step], reference) for step in after]
    assert [numbers[step] for step in after] == pytest.approx(wanted, abs=2e-7)
    assert wanted[0] > 1e-5
    for tag in (OVERVIEW, *(f"conv1/{kind}" for kind in LAYER_NAMES)):
        assert [step for step in logged.steps(f"filters/{tag}") if step > start] == after, tag


@pytest.mark.parametrize("save", ["after the epoch", "after validation"])
@pytest.mark.pictures
def test_images_say_what_they_are_measured_from_where_the_initial_filters_are_not_known(
    tmp_path: Path, save: str
) -> None:
    checkpoint, _ = first_fit(tmp_path, save, save_filters=False)
    weights = resumed(tmp_path, checkpoint, 1, epochs=4)
    logged = Logged(tmp_path / "run" / "version_1")
    for step, epoch, moment in ((12, 3, "epoch 3"), (16, 4, "final, epoch 4")):
        now = FilterBank("conv1", weights.at[step], epoch=epoch)
        said = {}
        for since in (0, 1, 2):
            picture = TapsPicture(now, FilterBank("conv1", weights.at[8], epoch=since))
            picture.update(now, moment)
            said[since] = pixels_of(picture.sheet)
        assert not np.array_equal(said[1], said[2])  # the words tell
        assert_shows(dict(logged.images["filters/conv1/taps"])[step], said[2])
    history = load_history(tmp_path / "run" / "version_1")["conv1"]
    assert history.epochs.tolist() == [2, 3, 4]
    np.testing.assert_array_equal(history.initial.weights, weights.at[8])


@pytest.mark.parametrize("kept", [True, False], ids=["filters kept", "not kept"])
@pytest.mark.pictures
def test_histories_of_a_resumed_fit_go_on_where_filters_were_kept(tmp_path: Path, kept: bool) -> None:
    checkpoint, first = first_fit(tmp_path, "after the epoch", save_filters=kept)
    at = first.at | resumed(tmp_path, checkpoint, 1, epochs=4).at
    if kept:
        at[4] = at[4].astype(np.float16).astype(np.float32)  # as read back
    logged = Logged(tmp_path / "run" / "version_1")
    steps = [0, 4, 8, 12, 16] if kept else [8, 12, 16]
    reference = FilterBank("conv1", at[steps[0]], epoch=steps[0] // 4)
    now, epochs, moment = FilterBank("conv1", at[16], epoch=4), np.array(steps) // 4, "final, epoch 4"
    drift = DriftPicture(now, reference)
    turned = [np.array([rotation(w, r) for w, r in zip(at[s], reference.weights, strict=True)]) for s in steps]
    drift.update(now, turned, Times(epochs), moment)
    assert_shows(logged.images["filters/conv1/drift"][-1][1], pixels_of(drift.sheet))
    evolution = EvolutionPicture(now, reference, "auto")
    rows = [(at[step] - reference.weights)[:, 0] for step in steps]
    evolution.update(now, rows, Times(epochs), moment)
    assert_shows(logged.images["filters/conv1/evolution"][-1][1], pixels_of(evolution.sheet))


@pytest.mark.parametrize("kept", [True, False], ids=["filters kept", "not kept"])
def test_the_first_change_after_resuming_is_from_the_resumed_weights(tmp_path: Path, kept: bool) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch", save_filters=kept)
    at = resumed(tmp_path, checkpoint, 1).at
    changes = dict(Logged(tmp_path / "run" / "version_1").scalars["filters/conv1/change"])
    assert set(changes) == {12, 16, 20}
    for step, value in changes.items():
        step_size = np.linalg.norm(at[step] - at[step - 4]) / np.linalg.norm(at[step - 4])
        assert value == pytest.approx(step_size, rel=1e-5)


def test_a_resumed_fit_off_the_cadence_ends_with_its_final_weights(tmp_path: Path) -> None:
    checkpoint, first = first_fit(tmp_path, "after the epoch", every_n_epochs=2)
    weights = resumed(tmp_path, checkpoint, 0, every_n_epochs=2)
    union = Logged(tmp_path)
    assert union.steps("filters/conv1/weights") == [0, 8, 16, 20]
    assert union.steps("filters/conv1/taps") == [0, 8, 16, 20]
    final = dict(union.scalars["filters/conv1/rotation"])[20]
    assert final == pytest.approx(rotation(weights.at[20], first.at[0]), abs=2e-7)


def test_averages_of_the_fit_before_share_no_step_with_the_first_epoch_of_the_next(tmp_path: Path) -> None:
    """Averages take the place one step after the last epoch, where a next epoch of one batch would be."""

    def trainer(epochs: int) -> tuple[pl.Trainer, Weights]:
        weights = Weights()
        saver = ModelCheckpoint(dirpath=tmp_path / "checkpoints", filename="{step}", save_on_train_epoch_end=True)
        ours = [ema(0.9), Conv1dFilterMonitor(plots=()), weights, saver]
        options = {"max_epochs": epochs, "limit_train_batches": 1, "enable_checkpointing": True}
        return make_trainer(tmp_path, *ours, **options), weights

    trainer(2)[0].fit(Validated(), loader(), loader())
    assert Logged(tmp_path).steps("filters/conv1/weights") == [0, 1, 2, 3]
    second, weights = trainer(4)
    second.fit(Validated(), loader(), loader(), ckpt_path=tmp_path / "checkpoints" / "step=2.ckpt")
    logged = Logged(tmp_path)
    assert_increasing(logged)
    assert logged.steps("filters/conv1/weights") == [0, 1, 2, 3, 4, 5, 6]
    history = load_history(tmp_path)["conv1"]
    assert history.epochs.tolist() == [0, 1, 2, 2, 3, 4, 4]
    np.testing.assert_array_equal(history.weights[5], weights.at[4].astype(np.float16))


@pytest.mark.parametrize("save", ["after the epoch", "after validation"])
def test_resuming_a_fit_with_nothing_left_to_train_logs_nothing(tmp_path: Path, save: str) -> None:
    checkpoint, _ = first_fit(tmp_path, save)
    resumed(tmp_path, checkpoint, 1, epochs=2)
    assert Logged(tmp_path / "run" / "version_1").tags() == set()


def test_one_monitor_can_go_on_in_a_trainer_of_its_own(tmp_path: Path) -> None:
    checkpoint, first = first_fit(tmp_path, "after the epoch", epochs=3)
    monitor, weights = Conv1dFilterMonitor(plots=()), Weights()
    make_trainer(tmp_path / "other", monitor, max_epochs=1).fit(Validated(), loader())
    trainer = make_trainer(tmp_path / "on", monitor, weights, max_epochs=3)
    trainer.fit(Validated(), loader(), loader(), ckpt_path=checkpoint)
    logged = Logged(tmp_path / "on")
    value = rotation(weights.at[12], first.at[0])  # not from what it saw in the other Trainer
    assert logged.scalars["filters/conv1/rotation"] == [(12, pytest.approx(value, abs=2e-7))]


def test_a_fit_in_the_same_trainer_from_an_earlier_checkpoint_goes_on_from_there(tmp_path: Path) -> None:
    checkpoint, first = first_fit(tmp_path, "after the epoch")
    weights = Weights()
    logger = TensorBoardLogger(str(tmp_path), name="on", version=0)
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), weights, max_epochs=1, logger=logger)
    trainer.fit(Validated(), loader(), loader())  # other weights, at steps 0 to 4
    trainer.fit_loop.max_epochs = 3
    trainer.fit(Validated(), loader(), loader(), ckpt_path=checkpoint)
    numbers = dict(Logged(tmp_path / "on").scalars["filters/conv1/rotation"])
    assert list(numbers) == [0, 4, 12]
    assert numbers[12] == pytest.approx(rotation(weights.at[12], first.at[0]), abs=2e-7)


@pytest.mark.parametrize("leads", [True, False], ids=["monitor first", "monitor last"])
def test_a_resumed_fit_with_averages_measures_live_weights_and_ends_with_averages(tmp_path: Path, leads: bool) -> None:
    def callbacks() -> tuple[list[pl.Callback], Weights]:
        pair: list[pl.Callback] = [Conv1dFilterMonitor(), ema(0.9)]
        weights = Weights()
        return [*(pair if leads else pair[::-1]), weights], weights

    ours, first = callbacks()
    saver = ModelCheckpoint(dirpath=tmp_path, filename="saved", save_on_train_epoch_end=True)
    make_trainer(tmp_path, *ours, saver, max_epochs=1, enable_checkpointing=True).fit(Validated(), loader(), loader())
    initial = first.at[0]
    ours, weights = callbacks()
    logger = TensorBoardLogger(str(tmp_path), name="run", version=1)
    trainer, model = make_trainer(tmp_path, *ours, max_epochs=2, logger=logger), Validated()
    trainer.fit(model, loader(), loader(), ckpt_path=tmp_path / "saved.ckpt")
    numbers = Logged(tmp_path / "run" / "version_1").scalars["filters/conv1/rotation"]
    final = model.conv1.weight.detach().numpy()
    wanted = [(8, rotation(weights.at[8], initial)), (9, rotation(final, initial))]
    assert numbers == [(step, pytest.approx(value, abs=2e-7)) for step, value in wanted]
    assert abs(wanted[0][1] - wanted[1][1]) > 1e-5
