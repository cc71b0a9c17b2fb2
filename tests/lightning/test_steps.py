"""Snapshots by steps: on streams, endless data and long epochs, at the right steps and with the right weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint, StochasticWeightAveraging
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from filterscope import Conv1dFilterMonitor, FilterBank, load_history
from filterscope.plots.taps import TapsPicture
from tests.support.averaging import ema
from tests.support.events import Logged
from tests.support.nets import SmallNet, TwoOptimizers, make_trainer, series
from tests.support.pictures import assert_shows, pixels_of
from tests.support.weights import weights_of


class Stream(IterableDataset[Any]):
    """Samples without end or length."""

    def __iter__(self) -> Iterator[Any]:
        samples = series()
        while True:
            yield from (samples[i] for i in range(len(samples)))


class Net(SmallNet):
    """The smallest that learns, since some of these fits take thousands of steps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(1, 2, 5), nn.Conv1d(2, 2, 3)
        self.head = nn.Linear(2, 2)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self(batch[0])


class TwoSteps(TwoOptimizers, Net):
    """Steps two optimisers in every batch."""


class EveryStep(pl.Callback):
    """The weights of ``conv1`` after every batch that stepped, by the number of such batches; 0: before the first."""

    def __init__(self) -> None:
        self.at: dict[int, np.ndarray] = {}

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._was = trainer.global_step
        self.at.setdefault(trainer.fit_loop.epoch_loop._batches_that_stepped, weights_of(pl_module.conv1))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *rest: Any) -> None:
        if trainer.global_step > self._was:
            self.at[trainer.fit_loop.epoch_loop._batches_that_stepped + 1] = weights_of(pl_module.conv1)


def batches(count: int) -> DataLoader[Any]:
    """So many batches of four."""
    data = series()
    index = torch.arange(4 * count) % len(data)
    return DataLoader(TensorDataset(*(tensor[index] for tensor in data.tensors)), batch_size=4)


def stream() -> DataLoader[Any]:
    return DataLoader(Stream(), batch_size=4)


def fit(
    path: Path, every: int | None, *others: pl.Callback, model: Any = None, data: Any = None, validation: Any = None,
    monitor: dict[str, Any] | None = None, ckpt_path: Any = None, **options: Any,
) -> tuple[EveryStep, list[str]]:  # fmt: skip
    """A fit with snapshots by steps: the weights after every step, and what was said."""
    pl.seed_everything(5)
    probe = EveryStep()
    ours = Conv1dFilterMonitor(every_n_train_steps=every, **({"plots": ()} | (monitor or {})))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = make_trainer(path, ours, *others, probe, **({"max_epochs": -1, "val_check_interval": None} | options))
        trainer.fit(model or Net(), stream() if data is None else data, validation, ckpt_path=ckpt_path)
    return probe, [str(each.message) for each in caught if "filterscope" in str(each.message)]


averages = partial(ema, 0.5)
swa = partial(StochasticWeightAveraging, swa_lrs=0.01, swa_epoch_start=1)
CASES: dict[str, tuple[dict[str, Any], int, list[int], list[int]]] = {
    # what is fitted, cadence, steps of the snapshots, epochs' ends among them
    "an endless stream": ({"max_steps": 2000}, 100, [*range(0, 2001, 100)], [0, 1]),
    "epochs of 700 batches": ({"max_steps": 2000, "data": batches(700)}, 100, [*range(0, 2001, 100)], [0, 1, 2, 3]),
    "a cadence beside the epochs": (
        {"max_epochs": 3, "data": batches(7)}, 5, [0, 5, 7, 10, 14, 15, 20, 21], [0, 1, 2, 3],
    ),
    "accumulated, an odd number of batches": (
        {"max_epochs": 3, "data": batches(7), "accumulate_grad_batches": 2}, 3, [0, 3, 4, 6, 8, 9, 12], [0, 1, 2, 3],
    ),
    "two optimisers": (
        {"max_steps": 80, "model": TwoSteps, "data": batches(100), "monitor": {"every_n_epochs": 9}},
        10, [0, 10, 20, 30, 40], [0, 1],
    ),
    "validation within epochs": (
        {"max_epochs": 2, "data": batches(6), "validation": batches(1), "val_check_interval": 0.5},
        4, [0, 4, 6, 8, 12], [0, 1, 2],
    ),
    "limited batches": ({"max_epochs": 3, "limit_train_batches": 3}, 2, [0, 2, 3, 4, 6, 8, 9], [0, 1, 2, 3]),
    "epochs' ends left out": (
        {"max_epochs": 4, "data": batches(6), "monitor": {"every_n_epochs": 2}}, 3,
        [0, 3, 6, 9, 12, 15, 18, 21, 24], [0, 2, 4],
    ),
    "EMA": ({"max_epochs": 2, "data": batches(5), "others": [averages]}, 3, [0, 3, 5, 6, 9, 10, 11], [0, 1, 2, 2]),
    "SWA": ({"max_epochs": 3, "data": batches(5), "others": [swa]}, 4, [0, 4, 5, 8, 10, 12, 15, 16], [0, 1, 2, 3, 3]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_snapshots_are_at_the_right_steps_and_hold_the_weights_of_theirs(tmp_path: Path, name: str) -> None:
    options, every, steps, ends = CASES[name]
    options = dict(options)
    others, model = [make() for make in options.pop("others", [])], options.pop("model", Net)()
    probe, told = fit(tmp_path, every, *others, model=model, **options)
    assert told == []
    history = load_history(tmp_path)["conv1"]
    assert history.steps.tolist() == steps
    assert [bank.epoch for bank in history if not bank.within_epoch] == ends
    assert (np.diff(history.epochs) >= 0).all()
    logged = Logged(tmp_path)
    assert logged.steps("filters/conv2/rms") == steps
    assert logged.steps("filters/conv1/change") == steps[1:]
    averaged = {steps[-1]} if name in ("EMA", "SWA") else set()
    for step in set(steps) - averaged:
        np.testing.assert_allclose(history.bank(step=step).weights, probe.at[step], rtol=1e-3, atol=1e-6)
    assert not np.array_equal(history.weights[1], history.weights[2])


def test_images_come_at_no_more_than_ten_moments_in_a_stream(tmp_path: Path) -> None:
    fit(tmp_path / "known", 2, monitor={"plots": ("taps",)}, max_steps=200)
    assert Logged(tmp_path / "known").steps("filters/conv1/taps") == [0, 2, 4, 6, 12, 20, 36, 64, 112, 200]
    fit(tmp_path / "two", 2, model=TwoSteps(), data=stream(), monitor={"plots": ("taps",)}, max_steps=400)
    assert Logged(tmp_path / "two").steps("filters/conv1/taps") == [0, 2, 4, 6, 12, 20, 36, 64, 112, 200]
    stop = pl.callbacks.LambdaCallback(
        on_train_batch_end=lambda trainer, *_: setattr(trainer, "should_stop", trainer.global_step >= 300)
    )
    fit(tmp_path / "unknown", 5, stop, monitor={"plots": ("taps",)})
    assert Logged(tmp_path / "unknown").steps("filters/conv1/taps") == [0, 5, 20, 80, 300]
    fit(tmp_path / "epochs", 3, monitor={"plots": ("taps",), "plot_every_n_epochs": 2}, data=batches(4), max_epochs=5)
    assert Logged(tmp_path / "epochs").steps("filters/conv1/taps") == [0, 8, 16, 20]


@pytest.mark.pictures
def test_titles_tell_steps(tmp_path: Path) -> None:
    probe, _ = fit(tmp_path, 4, monitor={"plots": ("taps",), "layers": "conv1"}, data=batches(6), max_epochs=2)
    images = dict(Logged(tmp_path).images["filters/conv1/taps"])
    first = FilterBank("conv1", probe.at[0], epoch=0, step=0)
    for step, moment in ((0, "initial"), (4, "step 4"), (6, "step 6"), (12, "final, step 12")):
        picture = TapsPicture(first, first)
        picture.update(FilterBank("conv1", probe.at[step]), moment)
        assert_shows(images[step], pixels_of(picture.sheet))


def prune(trainer: Any, model: Any) -> None:
    with torch.no_grad():
        model.conv1.weight[0] = 0


@pytest.mark.parametrize("changes", [True, False])
def test_where_an_epochs_end_finds_other_weights_at_a_step_it_is_the_one_kept(tmp_path: Path, changes: bool) -> None:
    """A fit that stops in mid-epoch, where a snapshot by steps has just been taken."""
    pruner = pl.callbacks.LambdaCallback(on_train_epoch_end=prune if changes else None)
    pl.seed_everything(5)
    probe, ours = EveryStep(), Conv1dFilterMonitor(every_n_train_steps=4, plots=("drift",))
    make_trainer(tmp_path, pruner, ours, probe, max_steps=8, max_epochs=-1).fit(Net(), batches(50))
    history = load_history(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 4, 8]
    assert (history.weights[-1][0] == 0).all() == changes
    np.testing.assert_allclose(history.weights[-1][1], probe.at[8][1], rtol=1e-3, atol=1e-6)
    assert not history[-1].within_epoch  # it is the epoch's end, whoever took it
    assert history.bank(1).step == 8
    change = Logged(tmp_path).scalars["filters/conv1/change"][-1]
    now, before = history.weights[-1], history.weights[-2]
    assert change == (8, pytest.approx(np.linalg.norm(now - before) / np.linalg.norm(before), rel=2e-2))


def saved_at(path: Path, step: int) -> ModelCheckpoint:
    return ModelCheckpoint(dirpath=path, filename="{step}", every_n_train_steps=step, save_top_k=-1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", [0, 1], ids=["same directory", "new directory"])
@pytest.mark.parametrize("monitor", [{}, {"every_n_epochs": 99}], ids=["both cadences", "steps alone"])
@pytest.mark.parametrize("begin", [7, 14], ids=["the newest checkpoint", "an older one"])
def test_a_fit_resumed_within_an_epoch_goes_on_from_its_checkpoint(
    tmp_path: Path, version: int, monitor: dict[str, Any], begin: int
) -> None:
    """Epochs of 20 batches, cadence 5: a first fit until step 19, resumed from step 7 or 14 and until 40."""
    options: dict[str, Any] = {"data": batches(20), "enable_checkpointing": True, "monitor": monitor}
    first, _ = fit(tmp_path, 5, saved_at(tmp_path, 7), max_steps=19, **options)
    logger = TensorBoardLogger(str(tmp_path), name="run", version=version)
    checkpoint = tmp_path / f"step={begin}.ckpt"
    second, told = fit(tmp_path, 5, logger=logger, ckpt_path=checkpoint, max_epochs=2, **options)
    assert told == []
    history = load_history(tmp_path / "run" / f"version_{version}")["conv1"]
    kept = [step for step in (0, 5, 10, 15) if step <= begin]
    after = [step for step in (10, 15, 20, 25, 30, 35, 40) if step > begin]
    # In a new directory, the reference is a copy of the initial filters and a snapshot of none.
    assert history.steps.tolist() == ([0] if version else kept) + after
    np.testing.assert_array_equal(history.initial.weights, first.at[0])
    for step in after:
        np.testing.assert_allclose(history.bank(step=step).weights, second.at[step], rtol=1e-3, atol=1e-6)
    turned = dict(Logged(tmp_path / "run" / f"version_{version}").scalars["filters/conv1/change"])
    (step, at) = after[0], second.at
    expected = np.linalg.norm(at[step] - at[begin]) / np.linalg.norm(at[begin])
    assert turned[step] == pytest.approx(expected, rel=1e-4)  # from the weights resumed from


class Raise(pl.Callback):
    """Raises in a batch, after the monitor's turn of the one before."""

    def __init__(self, step: int, error: BaseException) -> None:
        self.step, self.error = step, error

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        if trainer.global_step == self.step:
            raise self.error


ERRORS = [ValueError("boom"), KeyboardInterrupt(), torch.OutOfMemoryError("CUDA out of memory")]


@pytest.mark.pictures
@pytest.mark.parametrize("error", ERRORS, ids=["exception", "Ctrl-C", "out of memory"])
def test_a_fit_that_ends_badly_records_its_last_weights_as_interrupted(tmp_path: Path, error: BaseException) -> None:
    pl.seed_everything(5)
    probe = EveryStep()
    monitor = Conv1dFilterMonitor(every_n_train_steps=20, plots=("taps",), layers="conv1")
    trainer = make_trainer(tmp_path, monitor, Raise(63, error), probe, max_steps=1000, max_epochs=-1)
    with pytest.raises(SystemExit if isinstance(error, KeyboardInterrupt) else type(error)):
        trainer.fit(Net(), stream())
    history = load_history(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 20, 40, 60, 63]
    assert (history[-1].within_epoch, history[-1].epoch) == (True, 0)
    np.testing.assert_allclose(history.weights[-1], probe.at[63], rtol=1e-3, atol=1e-6)
    first = FilterBank("conv1", probe.at[0], epoch=0, step=0)
    picture = TapsPicture(first, first)
    picture.update(FilterBank("conv1", probe.at[63]), "interrupted, step 63")
    step, image = Logged(tmp_path).images["filters/conv1/taps"][-1]
    assert step == 63
    assert_shows(image, pixels_of(picture.sheet))


def test_after_an_error_of_the_device_the_weights_are_not_read(tmp_path: Path) -> None:
    error = RuntimeError("CUDA error: device-side assert triggered")
    trainer = make_trainer(
        tmp_path,
        Conv1dFilterMonitor(every_n_train_steps=20, plots=("taps",)),
        Raise(63, error),
        max_steps=99,
        max_epochs=-1,
    )
    with pytest.raises(RuntimeError, match="device-side"):
        trainer.fit(Net(), stream())
    assert load_history(tmp_path)["conv1"].steps.tolist() == [0, 20, 40, 60]
    assert Logged(tmp_path).steps("filters/conv1/taps")[-1] == 60


@pytest.mark.parametrize(
    ("options", "advised"),
    [
        ({"max_steps": 2000}, 40),
        ({"max_steps": 75}, 1),
        ({"max_steps": 500, "data": batches(700)}, 10),
        ({"max_epochs": 1, "data": batches(120)}, 2),
        ({"max_epochs": 2, "data": batches(60)}, None),
        ({"max_epochs": 1, "data": batches(10)}, None),
        ({"max_epochs": 2, "limit_train_batches": 3}, None),
    ],
)
def test_a_fit_whose_epochs_give_no_history_is_told_what_would(
    tmp_path: Path, options: dict[str, Any], advised: int | None
) -> None:
    stop = pl.callbacks.LambdaCallback(on_train_batch_end=lambda trainer, *_: setattr(trainer, "should_stop", True))
    _, told = fit(tmp_path, None, stop, **options)
    assert len(told) == (advised is not None)
    assert all(f"Conv1dFilterMonitor(every_n_train_steps={advised})" in words for words in told)
    _, told = fit(tmp_path / "with", 7, stop, **options)
    assert told == []


def test_endless_data_without_a_limit_is_told_too(tmp_path: Path) -> None:
    stop = pl.callbacks.LambdaCallback(on_train_batch_end=lambda trainer, *_: setattr(trainer, "should_stop", True))
    _, (told,) = fit(tmp_path, None, stop)
    assert "every_n_train_steps=100" in told


def test_batches_without_a_step_give_no_snapshot_twice(tmp_path: Path) -> None:
    """While gradients accumulate, Lightning's count stays where it is, at a multiple of the cadence too."""
    fit(tmp_path, 2, data=batches(24), max_epochs=1, accumulate_grad_batches=4)
    steps = load_history(tmp_path)["conv1"].steps.tolist()
    assert steps == [0, 2, 4, 6]
    assert all(a < b for a, b in pairwise(steps))


@pytest.mark.filterwarnings("ignore")
def test_what_was_recorded_after_a_checkpoint_is_given_up_though_it_comes_before_the_next_snapshot(
    tmp_path: Path,
) -> None:
    """A fit interrupted at step 8, one after its checkpoint, and resumed: the next snapshot is at 10."""
    options: dict[str, Any] = {"data": batches(20), "enable_checkpointing": True}
    with pytest.raises(ValueError, match="boom"):
        fit(tmp_path, 5, saved_at(tmp_path, 7), Raise(8, ValueError("boom")), max_epochs=1, **options)
    assert load_history(tmp_path)["conv1"].steps.tolist() == [0, 5, 8]
    fit(tmp_path, 5, max_epochs=1, ckpt_path=tmp_path / "step=7.ckpt", **options)
    assert load_history(tmp_path)["conv1"].steps.tolist() == [0, 5, 10, 15, 20]


def test_interrupted_in_a_validation_the_last_weights_have_the_step_that_brought_them(tmp_path: Path) -> None:
    """Lightning counts a batch only after the validation that follows it."""

    class Fails(pl.Callback):
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.global_step == 6:
                raise ValueError("boom")

    probe = EveryStep()
    pl.seed_everything(5)
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), Fails(), probe, max_epochs=2, val_check_interval=3)
    with pytest.raises(ValueError, match="boom"):
        trainer.fit(Net(), batches(7), batches(1))
    history = load_history(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 6]
    np.testing.assert_allclose(history.weights[-1], probe.at[6], rtol=1e-3, atol=1e-6)


def test_a_second_record_in_the_place_of_a_first_one_is_told(tmp_path: Path) -> None:
    assert fit(tmp_path, 2, data=batches(5), max_epochs=2)[1] == []
    _, told = fit(tmp_path, 2, data=batches(5), max_epochs=1)
    (words,) = told
    assert "holds an older record under tag='filters', of epochs 0 to 2: this one supersedes it" in words
    assert load_history(tmp_path)["conv1"].steps.tolist() == [0, 2, 4, 5]
