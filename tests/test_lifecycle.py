"""However a fit ends, and whatever a Trainer is asked to do: what was due is written, once, and no thread is left."""

from __future__ import annotations

import copy
import io
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from pytorch_lightning.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateFinder,
    StochasticWeightAveraging,
)
from pytorch_lightning.tuner import Tuner
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.plots.drift import DriftPicture
from filterscope.plots.raster import Raster
from filterscope.plots.taps import TapsPicture
from tests.events import Logged
from tests.models import SmallNet, loader, make_trainer, series

PLOTS = ("taps", "drift")
LONG = 120.0  #: Seconds after which a wait counts as a hang.


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class EveryStage(SmallNet):
    """Evaluates too, logs a metric that never improves, and may raise in a batch, counted from 1."""

    def __init__(self, error: BaseException | None = None, at: int = 0) -> None:
        super().__init__()
        self.error, self.at = error, at

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.log("flat", 1.0, on_epoch=True, on_step=False)
        if self.error is not None and self.trainer.global_step + 1 == self.at:
            raise self.error
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self(batch[0]).sum()

    test_step = predict_step = validation_step


class TwoOptimizers(SmallNet):
    """Steps two optimisers per batch, by hand."""

    automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(part.parameters(), lr=0.05) for part in (self.conv1, self.conv2)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.manual_backward(super().training_step(batch, batch_idx))
        for optimizer in self.optimizers():
            optimizer.step()
            optimizer.zero_grad()


class Endless(IterableDataset):
    """Samples without end or length."""

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield from series()


class Hook(pl.Callback):
    """Calls a function with Trainer and model at one hook."""

    def __init__(self, hook: str, act: Callable[[Any, Any], None]) -> None:
        setattr(self, hook, lambda trainer, model, *_: act(trainer, model))


class Weights(pl.Callback):
    """Copies of conv1's live weights by steps done, and those after the fit."""

    def __init__(self) -> None:
        self.at: dict[int, np.ndarray] = {}

    def _take(self, trainer: Any, model: Any) -> None:
        self.at[trainer.fit_loop.epoch_loop._batches_that_stepped] = model.conv1.weight.detach().numpy().copy()

    on_train_start = on_train_epoch_end = _take

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.final = pl_module.conv1.weight.detach().numpy().copy()


def endless() -> DataLoader:
    return DataLoader(Endless(), batch_size=4)


def stop_after(batches: int) -> pl.Callback:
    def stop(trainer: Any, model: Any) -> None:
        trainer.should_stop = trainer.global_step >= batches

    return Hook("on_train_batch_end", stop)


def raise_after(epochs: int, error: BaseException) -> pl.Callback:
    def fail(trainer: Any, model: Any) -> None:
        if trainer.current_epoch + 1 == epochs:
            raise error

    return Hook("on_train_epoch_end", fail)


def is_threadless() -> bool:
    return all(thread.name != "filterscope" for thread in threading.enumerate())


def check(log_dir: Path, snapshots: Sequence[int]) -> Logged:
    """What must hold after any fit that took these snapshots of conv1 and conv2, images of PLOTS on."""
    assert is_threadless()
    logged = Logged(log_dir)
    for tag in logged.tags():
        assert all(a < b for a, b in pairwise(logged.steps(tag))), (tag, logged.steps(tag))
    if not snapshots:
        assert logged.tags() == set()
        return logged
    for layer in ("conv1", "conv2"):
        assert logged.steps(f"filters/{layer}/weights") == list(snapshots)
        for kind in ("rotation", "rms", "dead"):
            assert logged.steps(f"filters/{layer}/{kind}") == list(snapshots)
        assert logged.steps(f"filters/{layer}/change") == list(snapshots)[1:]
    drawn = {"conv1/taps", "conv2/taps"} | ({"conv1/drift", "conv2/drift"} if len(snapshots) > 1 else set())
    assert {tag.removeprefix("filters/") for tag in logged.images} == drawn
    for tag, images in logged.images.items():
        assert images[-1][0] == snapshots[-1], tag
        assert len(images) <= 10, tag
    return logged


BOOM, CTRL_C = ValueError("boom"), KeyboardInterrupt()
ENDS: dict[str, tuple[Any, list[Any], dict[str, Any], list[int]]] = {
    # what ends the fit: model, other callbacks, options, steps of the snapshots
    "normal": (EveryStage, [], {"max_epochs": 3}, [0, 4, 8, 12]),
    "max_steps in mid-epoch": (SmallNet, [], {"max_steps": 6, "max_epochs": -1}, [0, 4, 6]),
    "max_time": (SmallNet, [], {"max_time": timedelta(microseconds=1), "max_epochs": 3}, [0, 1]),
    "no time": (SmallNet, [], {"max_time": timedelta(0), "max_epochs": 3}, []),
    "should_stop in mid-epoch": (SmallNet, [lambda: stop_after(6)], {"max_epochs": 30}, [0, 4, 6]),
    "early stopping": (EveryStage, [lambda: EarlyStopping("flat", patience=1)], {"max_epochs": 30}, [0, 4, 8]),
    "exception in the first batch": (lambda: EveryStage(BOOM, 1), [], {}, [0]),
    "exception in a batch": (lambda: EveryStage(BOOM, 7), [], {}, [0, 4]),
    "exception after a snapshot": (SmallNet, [lambda: raise_after(2, BOOM)], {}, [0, 4, 8]),
    "Ctrl-C in a batch": (lambda: EveryStage(CTRL_C, 7), [], {}, [0, 4]),
    "Ctrl-C after a snapshot": (SmallNet, [lambda: raise_after(2, CTRL_C)], {}, [0, 4, 8]),
    "no epochs": (SmallNet, [], {"max_epochs": 0}, []),
    "no batches": (SmallNet, [], {"limit_train_batches": 0}, []),
    "two optimisers by hand": (TwoOptimizers, [], {"max_epochs": 2}, [0, 4, 8]),
    "accumulated gradients": (SmallNet, [], {"max_epochs": 2, "accumulate_grad_batches": 3}, [0, 2, 4]),
    "endless data, max_steps": (SmallNet, [], {"max_steps": 5, "max_epochs": -1}, [0, 5]),
    "endless data, limited": (SmallNet, [], {"max_epochs": 2, "limit_train_batches": 3}, [0, 3, 6]),
    "learning rate finder": (SmallNet, [lambda: LearningRateFinder(num_training_steps=3)], {}, [0, 4, 8, 12]),
}


@pytest.mark.filterwarnings("ignore:The `pickle|Failed to compute")
@pytest.mark.parametrize(
    ("end", "last"), [(end, last) for end in ENDS for last in (True, False) if last or ENDS[end][1]]
)
def test_however_a_fit_ends_all_that_was_due_is_written_once(tmp_path: Path, end: str, last: bool) -> None:
    model, others, options, snapshots = ENDS[end]
    callbacks = [make() for make in others]
    callbacks.insert(len(callbacks) if last else 0, Conv1dFilterMonitor(plots=PLOTS))
    if end.endswith("after a snapshot") and last:
        snapshots = snapshots[:-1]  # raised before the monitor's turn
    trainer = make_trainer(tmp_path, *callbacks, default_root_dir=tmp_path, **options)
    data = endless() if end.startswith("endless") else loader()
    arguments = (model(), data, loader()) if model is EveryStage else (model(), data)
    if "exception" in end:
        with pytest.raises(ValueError, match="boom") as raised:
            trainer.fit(*arguments)
        assert raised.value is BOOM
    elif "Ctrl-C" in end:
        with pytest.raises(SystemExit):  # what Lightning makes of it
            trainer.fit(*arguments)
    else:
        trainer.fit(*arguments)
    check(tmp_path, snapshots)


def test_off_the_cadence_an_exception_still_leaves_images_of_the_last_snapshot(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(every_n_epochs=2, plots=PLOTS), max_epochs=9)
    with pytest.raises(ValueError, match="boom"):
        trainer.fit(EveryStage(BOOM, 14), loader())
    check(tmp_path, [0, 8])


SIGTERM_FIT = """
    import sys, time
    import pytorch_lightning as pl, torch
    from filterscope import Conv1dFilterMonitor
    from tests.models import SmallNet, loader, make_trainer
    torch.set_num_threads(1)

    class Wait(pl.Callback):
        def on_train_batch_end(self, trainer, *rest):
            if trainer.global_step == 10:
                print("waiting", flush=True)
                while not trainer.received_sigterm:
                    time.sleep(0.01)

    monitor = Conv1dFilterMonitor(plots=("taps", "drift"))
    make_trainer(sys.argv[1], monitor, Wait(), max_epochs=50).fit(SmallNet(), loader())
    print("not reached", flush=True)
"""


def test_sigterm_leaves_images_of_the_last_snapshot(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SIGTERM_FIT), str(tmp_path)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        assert "waiting\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LONG)
    assert "not reached" not in out
    assert "filterscope" not in err.lower().replace(str(root), "")
    check(tmp_path, [0, 4, 8])


def test_ctrl_c_while_the_last_images_are_drawn_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, draw, main = threading.Event(), TapsPicture.update, threading.get_ident()

    def interrupt(self: TapsPicture, bank: FilterBank, moment: str | None = None) -> None:
        if moment is not None and moment.startswith("final") and not told.is_set():
            signal.pthread_kill(
                main, signal.SIGINT
            )  # the fit's thread waits for the drawing: Ctrl-C gets it out of there
            assert told.wait(LONG)
        draw(self, bank, moment)

    monkeypatch.setattr(TapsPicture, "update", interrupt)
    trainer = make_trainer(
        tmp_path, Hook("on_exception", lambda *_: told.set()), Conv1dFilterMonitor(plots=PLOTS), max_epochs=2
    )
    with pytest.raises(SystemExit):
        trainer.fit(SmallNet(), loader())
    assert told.is_set()
    check(tmp_path, [0, 4, 8])


def pixels(sheet: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(Raster(sheet).png())).convert("RGB"))


def rotation(weights: np.ndarray, reference: np.ndarray) -> float:
    w, r = weights.astype(np.float64), reference.astype(np.float64)
    return float(1 - (w * r).sum() / np.sqrt((w**2).sum() * (r**2).sum()))


def test_a_second_fit_of_a_trainer_goes_on_from_the_first(tmp_path: Path) -> None:
    weights, model = Weights(), SmallNet()
    trainer = make_trainer(tmp_path, weights, Conv1dFilterMonitor(plot_every_n_epochs=1, plots=PLOTS), max_epochs=2)
    trainer.fit(model, loader())
    check(tmp_path, [0, 4, 8])
    trainer.fit_loop.max_epochs = 4
    trainer.fit(model, loader())
    logged = check(tmp_path, [0, 4, 8, 12, 16])
    initial = weights.at[0]
    assert set(weights.at) == {0, 4, 8, 12, 16}
    wanted = [rotation(each, initial) for each in weights.at.values()]
    assert [value for _, value in logged.scalars["filters/conv1/rotation"]] == pytest.approx(wanted, abs=2e-7)
    change = np.linalg.norm(weights.at[12] - weights.at[8]) / np.linalg.norm(weights.at[8])
    assert dict(logged.scalars["filters/conv1/change"])[12] == pytest.approx(change, rel=1e-5)
    assert logged.steps("filters/conv1/drift") == [4, 8, 12, 16]
    turned = np.array([[rotation(w, r) for w, r in zip(at, initial, strict=True)] for at in weights.at.values()])
    picture = DriftPicture(*[FilterBank("conv1", initial)] * 2)
    picture.update(FilterBank("conv1", weights.at[16]), turned, np.arange(5), "final, epoch 4")
    np.testing.assert_array_equal(logged.images["filters/conv1/drift"][-1][1], pixels(picture.sheet))
    trainer.fit(model, loader())  # nothing left to train
    check(tmp_path, [0, 4, 8, 12, 16])


@pytest.mark.parametrize("kind", ["deepcopy", "pickle"])
def test_copies_made_before_in_and_after_a_fit_monitor_fits_of_their_own(tmp_path: Path, kind: str) -> None:
    def duplicate(monitor: Conv1dFilterMonitor) -> Conv1dFilterMonitor:
        return copy.deepcopy(monitor) if kind == "deepcopy" else pickle.loads(pickle.dumps(monitor))

    monitor = Conv1dFilterMonitor(sample_rate={"conv1": 100.0}, tag="of/copies", plots=("taps",))
    copies = [duplicate(monitor)]
    during = Hook("on_train_epoch_end", lambda *_: copies.append(duplicate(monitor)))
    make_trainer(tmp_path / "first", monitor, during, max_epochs=1).fit(SmallNet(), loader())
    copies.append(duplicate(monitor))
    assert len(copies) == 3
    for number, each in enumerate(copies):
        assert each.settings == monitor.settings
        make_trainer(tmp_path / str(number), each, max_epochs=1).fit(SmallNet(), loader())
        assert is_threadless()
        assert Logged(tmp_path / str(number)).steps("of/copies/conv1/taps") == [0, 4]
    assert Logged(tmp_path / "first").steps("of/copies/conv1/rms") == [0, 4]


def test_evaluation_alone_logs_nothing_and_after_a_fit_adds_nothing(tmp_path: Path) -> None:
    model, trainer = EveryStage(), make_trainer(tmp_path, Conv1dFilterMonitor(plots=PLOTS), max_epochs=1)
    for snapshots in ([], [0, 4]):
        if snapshots:
            trainer.fit(model, loader(), loader())
        trainer.validate(model, loader(), verbose=False)
        trainer.test(model, loader(), verbose=False)
        trainer.predict(model, loader())
        check(tmp_path, snapshots)


@pytest.mark.filterwarnings("ignore:The `pickle|Failed to compute")
def test_a_search_for_a_learning_rate_is_no_fit_to_log(tmp_path: Path) -> None:
    weights, model = Weights(), SmallNet()
    initial = model.conv1.weight.detach().numpy().copy()
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=PLOTS), weights, default_root_dir=tmp_path, max_epochs=2)
    Tuner(trainer).lr_find(model, loader(), num_training=6)
    check(tmp_path, [])
    trainer.fit(model, loader())
    logged = check(tmp_path, [0, 4, 8])
    np.testing.assert_array_equal(weights.at[0], initial)
    assert dict(logged.scalars["filters/conv1/rotation"])[8] == pytest.approx(
        rotation(weights.final, initial), rel=1e-4
    )


class Normed(EveryStage):
    """Has batch statistics, for which Lightning's SWA goes through the data once more."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.norm(x))


AVERAGING: dict[str, Callable[[], pl.Callback]] = {
    "ema": lambda: EMAWeightAveraging(decay=0.9),
    "swa": lambda: StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=2),
}


@pytest.mark.parametrize("first", [True, False], ids=["monitor first", "monitor last"])
@pytest.mark.parametrize(("kind", "model"), [("ema", EveryStage), ("swa", SmallNet), ("swa", Normed)])
def test_averages_are_logged_once_after_live_weights(tmp_path: Path, kind: str, model: Any, first: bool) -> None:
    weights, monitor, averaging = Weights(), Conv1dFilterMonitor(plots=PLOTS), AVERAGING[kind]()
    callbacks = [monitor, averaging] if first else [averaging, monitor]
    trainer = make_trainer(tmp_path, weights, *callbacks, max_epochs=12, limit_train_batches=2)
    trainer.fit(model(), loader(), *([loader()] if model is EveryStage else []))
    live = {step: weights.at[step] for step in range(0, 24, 2)}
    logged = check(tmp_path, [*live, 24, 25])
    if model is not Normed:  # after whose additional epoch the weights at step 24 are the averages
        live[24] = weights.at[24]
    assert not np.allclose(weights.final, live[max(live)], atol=1e-5)
    expected = live | {25: weights.final}
    for kind_, wanted in {
        "rotation": {step: rotation(each, weights.at[0]) for step, each in expected.items()},
        "rms": {step: float(np.sqrt((each.astype(np.float64) ** 2).mean())) for step, each in expected.items()},
    }.items():
        got = dict(logged.scalars[f"filters/conv1/{kind_}"])
        assert [got[step] for step in wanted] == pytest.approx(list(wanted.values()), rel=1e-5, abs=2e-7)
    _, rows = logged.histograms["filters/conv1/weights"][-1]
    assert [rows[0, 0], rows[-1, 1]] == pytest.approx([weights.final.min(), weights.final.max()], abs=1e-9)


def test_after_averages_a_second_fit_of_one_batch_per_epoch_shares_no_step(tmp_path: Path) -> None:
    """Averages take the place after the last epoch, which is where the next fit's first epoch would be."""
    weights, monitor = Weights(), Conv1dFilterMonitor(plots=PLOTS)
    averaging = EMAWeightAveraging(decay=0.9)
    trainer = make_trainer(tmp_path, weights, monitor, averaging, max_epochs=2, limit_train_batches=1)
    model = SmallNet()
    trainer.fit(model, loader())
    first = weights.final
    check(tmp_path, [0, 1, 2, 3])
    trainer.fit_loop.max_epochs = 4
    trainer.fit(model, loader())
    logged = check(tmp_path, [0, 1, 2, 3, 4, 5, 6])
    wanted = {3: first, 4: weights.at[3], 5: weights.at[4], 6: weights.final}  # epochs 3 and 4 one place later
    got = dict(logged.scalars["filters/conv1/rotation"])
    assert [got[step] for step in wanted] == pytest.approx(
        [rotation(each, weights.at[0]) for each in wanted.values()], abs=2e-7
    )
