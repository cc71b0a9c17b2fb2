"""Training is the same to the last bit with and without the monitor, in every way of training."""

from __future__ import annotations

import random
import shutil
import threading
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LambdaCallback
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.data import DataLoader

from filterscope import Conv1dFilterMonitor, FilterRecorder
from filterscope.recording import log
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.states import digest, random_streams
from tests.support.ways import SETTINGS, Endless, Net, Noisy, Setting

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step`"),
]


def run(setting: Setting, path: Path, *callbacks: pl.Callback) -> tuple[pl.Trainer, Any]:
    """A fit and the model that it leaves."""
    torch.compiler.reset()
    pl.seed_everything(11)
    model = setting.model()
    trainer = make_trainer(path, setting.callback(), *callbacks, **{"max_epochs": 2, **setting.trainer})
    validation = DataLoader(Noisy(), batch_size=8) if setting.validates else None
    data: Any = Endless() if setting.endless else Noisy()
    trainer.fit(model, DataLoader(data, batch_size=4, **setting.loader), validation)
    return trainer, trainer.lightning_module


def hashes(trainer: pl.Trainer, model: nn.Module) -> dict[str, str]:
    """What a fit leaves, each part as a hash."""
    modules = dict(model.named_modules())
    parts: dict[str, Any] = {
        "parameters": dict(model.named_parameters()),
        "buffers": dict(model.named_buffers()),
        "other tensors": [[v for v in vars(each).values() if isinstance(v, Tensor)] for each in modules.values()],
        "flags": {name: each.training for name, each in modules.items()},
        "gradients": [(each.requires_grad, each.grad) for each in model.parameters()],
        "optimisers": [each.state_dict() for each in trainer.optimizers],
        "losses": model.losses,
        "precision": trainer.precision_plugin.state_dict(),
        "modes": (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()),
    }
    streams = {f"{name} stream": at for name, at in random_streams().items()}
    return {name: digest(part) for name, part in parts.items()} | streams


def compare(setting: Setting, path: Path) -> None:
    monitor = Conv1dFilterMonitor(**(setting.monitor or {"plot_every_n_epochs": 1}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with_monitor = hashes(*run(setting, path / "with", monitor))
    assert with_monitor == hashes(*run(setting, path / "without"))
    assert [str(each.message) for each in caught if "filterscope" in str(each.message)] == []
    logged = Logged(path / "with")
    for layer in setting.layers:
        assert len(logged.steps(f"filters/{layer}/rms")) > 2
        assert len(logged.steps(f"filters/{layer}/drift")) > 1
        assert max(value for _, value in logged.scalars[f"filters/{layer}/rotation"]) > 1e-4


#: Where pictures are drawn as well: between batches, beside dropout's draws, beside another way to step.
DRAWN = ("plain", "dropout", "two optimisers", "a stream")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.pictures if name in DRAWN else ()) for name in SETTINGS]
)
def test_training_is_the_same_without_the_monitor(tmp_path: Path, name: str) -> None:
    compare(SETTINGS[name], tmp_path)


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler for torch.compile")
def test_training_of_a_compiled_model_is_the_same_without_the_monitor(tmp_path: Path) -> None:
    compare(Setting(lambda: torch.compile(Net())), tmp_path)


@pytest.mark.pictures
def test_training_in_a_plain_loop_is_the_same_without_a_recorder(tmp_path: Path) -> None:
    def left_by(records: bool) -> dict[str, str]:
        pl.seed_everything(11)
        model = Net(parametrizations.spectral_norm, nn.BatchNorm1d(6), nn.Dropout(0.3))
        optimizer = model.configure_optimizers()
        with FilterRecorder(model, tmp_path, total=4) if records else nullcontext() as recorder:
            for epoch in range(4):
                for batch in DataLoader(Noisy(), batch_size=4, shuffle=True) if epoch else ():
                    optimizer.zero_grad()
                    model.training_step(batch, 0).backward()
                    optimizer.step()
                if recorder is not None:
                    recorder.snapshot(epoch)
        parts = dict(model.named_parameters()), dict(model.named_buffers()), optimizer.state_dict()
        flags = {name: each.training for name, each in model.named_modules()}
        return {str(i): digest(part) for i, part in enumerate((*parts, flags))} | random_streams()

    assert left_by(records=True) == left_by(records=False)
    assert Logged(tmp_path).steps("filters/body.0/drift") == [1, 2, 3]


def nudge(trainer: pl.Trainer, model: Any) -> None:
    weight = model.body[0].weight.data
    weight[0, 0, 0] = torch.nextafter(weight[0, 0, 0], torch.tensor(9.0))


def forget(trainer: pl.Trainer, model: Any) -> None:
    next(iter(trainer.optimizers[0].state.values()))["exp_avg"][0] += 1e-9


#: What to change after a fit, and the one part in which it must show.
CHANGES: dict[str, tuple[Callable[[pl.Trainer, Any], Any], str]] = {
    "last bit of a weight": (nudge, "parameters"),
    "a running mean": (lambda trainer, model: model.body[1].running_mean[2].add_(1e-6), "buffers"),
    "a training flag": (lambda trainer, model: model.body[1].eval(), "flags"),
    "a frozen weight": (lambda trainer, model: model.body[0].weight.requires_grad_(False), "gradients"),
    "an optimiser's state": (forget, "optimisers"),
    "a torch draw": (lambda trainer, model: torch.rand(1), "torch stream"),
    "a numpy draw": (lambda trainer, model: np.random.rand(), "numpy stream"),  # noqa: NPY002
    "a python draw": (lambda trainer, model: random.random(), "python stream"),
}


def test_the_hashes_show_every_small_change(tmp_path: Path) -> None:
    trainer, model = run(SETTINGS["batch norm"], tmp_path)
    before = hashes(trainer, model)
    assert before == hashes(trainer, model)
    for name, (change, part) in CHANGES.items():
        change(trainer, model)
        after = hashes(trainer, model)
        assert {key for key in before if before[key] != after[key]} == {part}, name
        before = after


@pytest.mark.parametrize(
    ("setting", "act"),
    [
        ("plain", lambda model: torch.rand(1)),
        ("plain", lambda model: np.random.rand()),  # noqa: NPY002
        ("plain", lambda model: random.random()),
        ("spectral_norm", lambda model: model.body[0].weight),
        ("dropped weights", lambda model: model.body[0].weight),
        ("parametrization with a running state", lambda model: model.body[0].weight),
        ("batch norm", lambda model: model.body(torch.zeros(2, 1, 20))),
        ("dropout", lambda model: model.eval()),
    ],
)
def test_a_monitor_that_meddled_would_be_found_out(tmp_path: Path, setting: str, act: Callable[[Any], Any]) -> None:
    meddler = LambdaCallback(on_train_epoch_end=lambda trainer, model: act(model))
    undisturbed = hashes(*run(SETTINGS[setting], tmp_path / "without"))
    assert hashes(*run(SETTINGS[setting], tmp_path / "with", meddler)) != undisturbed


class Threads(pl.Callback):
    """How many threads torch would use at the end of an epoch: in training, and in threads that begin then."""

    def __init__(self) -> None:
        self.training: list[int] = []
        self.others: list[int] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.training.append(torch.get_num_threads())
        other = threading.Thread(target=lambda: self.others.append(torch.get_num_threads()))
        other.start()
        other.join()


def test_only_the_recording_thread_is_kept_to_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording: list[int] = []
    snapshot = log.SnapshotLog.snapshot

    def spied(self: log.SnapshotLog, *arguments: Any) -> None:
        recording.append(torch.get_num_threads())
        snapshot(self, *arguments)

    monkeypatch.setattr(log.SnapshotLog, "snapshot", spied)
    before, threads = torch.get_num_threads(), Threads()
    torch.set_num_threads(3)
    try:
        make_trainer(tmp_path, Conv1dFilterMonitor(), threads, max_epochs=2).fit(SmallNet(), loader())
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert recording == [1, 1, 1]
    assert (threads.training, threads.others) == ([3, 3], [3, 3])
