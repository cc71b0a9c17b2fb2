"""Front ends that packages bring, counted independently: what is recorded is what the library below convolved."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, load_history, read_filters
from tests.support.blobs import halved
from tests.support.faults import told_by
from tests.support.nets import loader, make_trainer
from tests.support.zoo import Counted

pytestmark = pytest.mark.filterwarnings("ignore")
filterbanks = pytest.importorskip("asteroid_filterbanks")
features = pytest.importorskip("nnAudio.features")


class Magnitudes(nn.Module):
    """nnAudio reads signals without channels."""

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, x: Tensor) -> Tensor:
        return self.transform(x[:, 0])


class Gabor(nn.Module):
    """Waves under bells, of which frequencies and widths are learned, as in LEAF's first layer (arXiv 2101.08596)."""

    time: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.linspace(0.05, 0.4, 6)[:, None, None])
        self.width = nn.Parameter(torch.full((6, 1, 1), 4.0))
        self.register_buffer("time", torch.arange(-12, 13).float())

    def forward(self, x: Tensor) -> Tensor:
        bell = torch.exp(-0.5 * (self.time / self.width).square()) / self.width
        return nn.functional.conv1d(x, bell * torch.cos(2 * torch.pi * self.frequency * self.time), stride=2)


def bank(name: str, **options: Any) -> Any:
    return filterbanks.Encoder(getattr(filterbanks, name)(8, 16, stride=8, **options))


def transform(name: str, **options: Any) -> Any:
    return Magnitudes(getattr(features, name)(verbose=False, output_format="Magnitude", **options))


#: Front ends, and whether they learn.
ZOO: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "free": (lambda: bank("FreeFB"), True),
    "analytic free": (lambda: bank("AnalyticFreeFB"), True),
    "sinc": (lambda: filterbanks.Encoder(filterbanks.ParamSincFB(8, 17, stride=8, sample_rate=400.0)), True),
    "gabor": (Gabor, True),
    "stft of asteroid": (lambda: filterbanks.Encoder(filterbanks.STFTFB(16, 16, stride=8)), False),
    "stft": (lambda: transform("STFT", n_fft=32, hop_length=8, sr=400), False),
    "trainable stft": (lambda: transform("STFT", n_fft=32, hop_length=8, sr=400, trainable=True), True),
    "cqt": (lambda: transform("CQT1992v2", sr=400, hop_length=8, fmin=40, n_bins=6, bins_per_octave=4), False),
    "trainable cqt": (
        lambda: transform("CQT1992v2", sr=400, hop_length=8, fmin=40, n_bins=6, bins_per_octave=4, trainable=True),
        True,
    ),
}


NOTHING = "filterscope found no 1-D filters that learn; layers='*' takes the others too in Fit: nothing to log"


class Fit(pl.LightningModule):
    def __init__(self, front: nn.Module) -> None:
        super().__init__()
        self.front, self.gain = front, nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * self.front(x).flatten(1).mean(1)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return (self(batch[0]) - batch[1]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def convolved(model: nn.Module, x: Tensor) -> list[np.ndarray]:
    """What the library below was given, in evaluation mode."""
    model.eval()
    with torch.no_grad(), Counted() as counted:
        model(x)
    return [weight.reshape(*weight.shape[:2], -1).numpy() for weight in counted.weights]


@pytest.mark.parametrize("name", ZOO)
def test_kernels_are_those_that_the_library_convolves_with(tmp_path: Path, name: str) -> None:
    make, learns = ZOO[name]
    torch.manual_seed(0)
    model, data = Fit(make()), loader(samples=400)
    x = next(iter(data))[0]
    initial = convolved(copy.deepcopy(model), x)
    banks = read_filters(model, "*", inputs=x)
    assert len(banks) == len(initial)
    for one, other in zip(banks.values(), initial, strict=True):
        np.testing.assert_array_equal(one.weights, other)
    for layers in (None, "*"):
        monitor = Conv1dFilterMonitor(layers, plots=())
        trainer = make_trainer(tmp_path / str(layers), monitor, max_epochs=2)
        told = told_by(lambda: trainer.fit(copy.deepcopy(model), data))  # noqa: B023 - called at once
        said = [words for words in told if "filterscope" in words]
        assert said == ([] if learns or layers else [NOTHING])
    histories = load_history(tmp_path / "*")
    assert list(histories) == list(banks)
    for history, other in zip(histories.values(), initial, strict=True):
        np.testing.assert_array_equal(history.initial.weights, other)
        assert history.steps.tolist() == [0, 4, 8]
        assert np.array_equal(history[-1].weights, halved(other)) is not learns
