"""Training is the same to the last bit with and without the monitor, in every way of training."""

from __future__ import annotations

import random
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LambdaCallback, StochasticWeightAveraging
from torch import Tensor, nn
from torch.ao.quantization import FakeQuantize
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm
from torch.utils.data import DataLoader, Dataset, IterableDataset

from filterscope import Conv1dFilterMonitor, FilterRecorder
from filterscope.recording import log
from tests.support.averaging import ema
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer, series
from tests.support.states import digest, random_streams

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step`"),
]


class Noisy(Dataset[Any]):
    """Samples that depend on all three random streams, so that a draw too many changes what is learned."""

    def __init__(self) -> None:
        self.series = series()

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, label = self.series[index]
        gain = 1 + 0.1 * random.random() + 0.1 * np.random.standard_normal()  # noqa: NPY002 - the global stream
        return float(gain) * x + 0.1 * torch.randn_like(x), label


class Endless(IterableDataset[Any]):
    """The same without end."""

    def __iter__(self) -> Iterator[Any]:
        samples = Noisy()
        while True:
            yield from (samples[i] for i in range(len(samples)))


class Net(pl.LightningModule):
    """Two convolutions, which ``form`` changes, and what can be had between them."""

    def __init__(self, form: Callable[[Any], nn.Module] = lambda conv: conv, *between: nn.Module) -> None:
        super().__init__()
        convs = [form(nn.Conv1d(1, 6, 9)), form(nn.Conv1d(6, 4, 3))]
        self.body = nn.Sequential(convs[0], *between, nn.ReLU(), convs[1], nn.ReLU())
        self.head = nn.Linear(4, 2)
        self.losses: list[Any] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return nn.functional.cross_entropy(self.head(self.body(batch[0]).mean(-1)), batch[1])

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses.append(outputs["loss"].item() if outputs else None)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val", self.training_step(batch, batch_idx))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.02, eps=1e-4)  # what float16 can hold


class TwoOptimizers(Net):
    """Steps each of two optimisers on its own."""

    automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.body.parameters(), lr=0.05, momentum=0.9), torch.optim.Adam(self.head.parameters())

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizers: Any = self.optimizers()
        for optimizer in optimizers:
            optimizer.zero_grad()
            self.manual_backward(super().training_step(batch, batch_idx))
            optimizer.step()


class Drop(nn.Module):
    """A parametrization that drops weights: while it trains, or always."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.always = always

    def forward(self, weight: Tensor) -> Tensor:
        return nn.functional.dropout(weight, 0.3, training=self.training or self.always)


class OtherNoise(nn.Module):
    """A parametrization that draws from numpy's and python's streams."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight * float(1 + 0.1 * random.random() + 0.1 * np.random.standard_normal())  # noqa: NPY002


class Made(nn.Module):
    """Makes its kernel in its forward, and leaves traces."""

    calls: Tensor

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.kernel, self.stride = nn.Parameter(conv.weight.detach().clone()), conv.stride
        self.register_buffer("calls", torch.zeros(()))
        self.last = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = torch.rand(()) + random.random() + np.random.rand()  # noqa: NPY002 - the global stream
        return nn.functional.conv1d(x, self.kernel.tanh() * torch.hann_window(self.kernel.shape[-1] + 2)[1:-1])


class Own(Net):
    """Convolves with parameters of its own, in its training step."""

    def __init__(self) -> None:
        super().__init__()
        del self.body
        self.first, self.second = nn.Parameter(torch.randn(6, 1, 9)), nn.Parameter(torch.randn(4, 6, 3))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        features = nn.functional.conv1d(batch[0], self.first).relu()
        features = nn.functional.conv1d(features, self.second)
        return nn.functional.cross_entropy(self.head(features.relu().mean(-1)), batch[1])


def parametrized(part: Callable[[], nn.Module], conv: nn.Module) -> nn.Module:
    return parametrize.register_parametrization(conv, "weight", part())


pruned = partial(prune.l1_unstructured, name="weight", amount=0.4)
averages = partial(ema, 0.7)
swa = partial(StochasticWeightAveraging, swa_lrs=0.01, swa_epoch_start=1, annealing_epochs=1)


def batch_norm() -> Net:
    return Net(lambda conv: conv, nn.BatchNorm1d(6))


@dataclass(frozen=True)
class Setting:
    """One way of training."""

    model: Callable[[], Any] = Net
    trainer: Mapping[str, Any] = field(default_factory=dict)
    callback: Callable[[], pl.Callback] = pl.Callback
    loader: Mapping[str, Any] = field(default_factory=dict)
    monitor: Mapping[str, Any] = field(default_factory=dict)
    endless: bool = False
    validates: bool = False
    layers: tuple[str, str] = ("body.0", "body.2")


def form(change: Callable[[Any], Any], **options: Any) -> Setting:
    return Setting(lambda: Net(change), **options)


NORMED = ("body.0", "body.3")
SETTINGS: dict[str, Setting] = {
    "plain": Setting(),
    "plain with validation": Setting(validates=True),
    "dropout": Setting(lambda: Net(lambda conv: conv, nn.Dropout(0.3)), layers=NORMED),
    "batch norm": Setting(batch_norm, layers=NORMED),
    "batch norm with validation": Setting(batch_norm, validates=True, layers=NORMED),
    "spectral_norm": form(parametrizations.spectral_norm),
    "spectral_norm with validation": form(parametrizations.spectral_norm, validates=True),
    "weight_norm": form(parametrizations.weight_norm),
    "orthogonal": form(parametrizations.orthogonal),
    "old spectral_norm": form(spectral_norm),
    "old spectral_norm with validation": form(spectral_norm, validates=True),
    "old weight_norm": form(weight_norm),
    "pruned": form(pruned),
    "dropped weights": form(partial(parametrized, partial(Drop, False))),
    "weights dropped in evaluation too": form(partial(parametrized, partial(Drop, True))),
    "parametrization with numpy and python noise": form(partial(parametrized, OtherNoise)),
    "parametrization with a running state": form(partial(parametrized, FakeQuantize)),
    "made in forward": form(Made),
    "made in forward, with validation and batch norm": Setting(
        lambda: Net(Made, nn.BatchNorm1d(6), nn.Dropout(0.3)), validates=True, layers=("body.0", "body.4")
    ),
    "made in forward, bf16-mixed": form(Made, trainer={"precision": "bf16-mixed"}),
    "made in forward, accumulated": form(Made, trainer={"accumulate_grad_batches": 3, "gradient_clip_val": 0.5}),
    "made in forward, EMA": form(Made, callback=averages, trainer={"max_epochs": 3}),
    "made in forward, by steps": form(Made, monitor={"every_n_train_steps": 1}),
    "parameters of its own": Setting(Own, layers=("Own#0", "Own#1")),
    "bf16-mixed": Setting(trainer={"precision": "bf16-mixed"}),
    "bf16-true": Setting(trainer={"precision": "bf16-true"}),
    "16-true": Setting(trainer={"precision": "16-true"}),
    "64-true": Setting(trainer={"precision": "64-true"}),
    "compiled layers, eager backend": form(partial(torch.compile, backend="aot_eager")),
    "accumulated gradients": Setting(trainer={"accumulate_grad_batches": 3, "gradient_clip_val": 0.5}),
    "EMA": Setting(callback=averages, trainer={"max_epochs": 3}),
    "EMA with validation and batch norm": Setting(batch_norm, callback=averages, validates=True, layers=NORMED),
    "SWA": Setting(callback=swa, trainer={"max_epochs": 3}),
    "SWA with batch norm": Setting(batch_norm, callback=swa, trainer={"max_epochs": 3}, layers=NORMED),
    "two optimisers": Setting(TwoOptimizers),
    "made in forward, two optimisers": Setting(partial(TwoOptimizers, Made)),
    "by steps": Setting(trainer={"accumulate_grad_batches": 3}, monitor={"every_n_train_steps": 1}),
    "by steps, two optimisers": Setting(TwoOptimizers, monitor={"every_n_train_steps": 3}),
    "a stream": Setting(
        lambda: Net(parametrizations.spectral_norm, nn.Dropout(0.3)),
        {"max_steps": 30, "max_epochs": -1},
        monitor={"every_n_train_steps": 7},
        endless=True,
        layers=("body.0", "body.3"),
    ),
    "a stream, EMA": Setting(
        trainer={"max_steps": 30, "max_epochs": -1}, callback=averages, monitor={"every_n_train_steps": 7}, endless=True
    ),
    "shuffled": Setting(loader={"shuffle": True}),
    "shuffled by forked workers": Setting(
        loader={"shuffle": True, "num_workers": 2, "multiprocessing_context": "fork"}, validates=True
    ),
}


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
