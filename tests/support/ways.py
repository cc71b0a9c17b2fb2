"""Ways of training a model: what it is made of, its optimisers, precision, data, other callbacks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import StochasticWeightAveraging
from torch import Tensor, nn
from torch.ao.quantization import FakeQuantize
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm
from torch.utils.data import Dataset, IterableDataset

from tests.support.averaging import ema
from tests.support.nets import series


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
