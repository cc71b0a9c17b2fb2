"""Models of three sizes, and a fit on signals."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def tiny() -> nn.Module:
    """Two layers, 10 thousand weights."""
    return nn.Sequential(nn.Conv1d(1, 32, 31), nn.ReLU(), nn.Conv1d(32, 32, 9))


def m5() -> nn.Module:
    """The convolutions of M5 (Dai et al., arXiv 1610.00087), 0.55 million weights."""
    sizes = [(1, 128, 80, 4), (128, 128, 3, 1), (128, 256, 3, 1), (256, 512, 3, 1)]
    layers: list[nn.Module] = []
    for channels, filters, taps, stride in sizes:
        layers += [nn.Conv1d(channels, filters, taps, stride), nn.BatchNorm1d(filters), nn.ReLU(), nn.MaxPool1d(4)]
    return nn.Sequential(*layers)


def wav2vec2() -> nn.Module:
    """A front end like that of wav2vec 2.0 (Baevski et al., arXiv 2006.11477), 4.2 million weights."""
    taps = [10, 3, 3, 3, 3, 2, 2]
    convolutions = [nn.Conv1d(512 if i else 1, 512, k, 2 if i else 5) for i, k in enumerate(taps)]
    return nn.Sequential(*[part for conv in convolutions for part in (conv, nn.GELU())])


def wide() -> nn.Sequential:
    """Eight layers of 1024 channels, 25 million weights."""
    return nn.Sequential(*[nn.Conv1d(1024, 1024, 3, padding=1) for _ in range(8)])


def deep() -> nn.Sequential:
    """61 layers of six shapes, 1.5 million weights: a stem and three stages of 20."""
    widths = [1, *[16] * 21, *[48] * 20, *[80] * 20]
    sizes = zip(widths[:-1], widths[1:], [31, *[9] * 60], strict=True)
    return nn.Sequential(*[nn.Conv1d(channels, filters, taps, padding="same") for channels, filters, taps in sizes])


class SincFront(nn.Module):
    """80 band-passes of 251 taps made in its forward, as in SincNet (Ravanelli and Bengio, arXiv 1808.00158)."""

    time: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.low, self.width = (
            nn.Parameter(torch.linspace(0.01, 0.4, 80)[:, None]),
            nn.Parameter(torch.full((80, 1), 0.02)),
        )
        self.register_buffer("time", torch.arange(-125, 126).float())

    def forward(self, x: Tensor) -> Tensor:
        high, low = self.low + self.width, self.low
        wide, narrow = (2 * edge * torch.sinc(2 * edge * self.time) for edge in (high, low))
        return nn.functional.conv1d(x, (wide - narrow)[:, None])


def sincnet() -> nn.Module:
    """Its front end and two convolutions."""
    parts = [SincFront(), nn.MaxPool1d(3), nn.Conv1d(80, 60, 5), nn.MaxPool1d(3), nn.Conv1d(60, 60, 5)]
    return nn.Sequential(*parts)


MODELS = {"tiny": tiny, "M5": m5, "wav2vec2-like": wav2vec2}


class SignalClassifier(pl.LightningModule):
    """M5 with a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head = m5(), nn.Linear(512, 4)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Cross entropy."""
        return nn.functional.cross_entropy(self.head(self.trunk(batch[0]).mean(-1)), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def signals(series: int, samples: int = 4000) -> DataLoader[Any]:
    """Tones of four pitches in noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(series) % 4
    time = torch.arange(samples) / samples
    tones = torch.sin(2 * torch.pi * 40 * (labels[:, None] + 1) * time)
    noise = torch.randn(series, samples, generator=generator)
    return DataLoader(TensorDataset((tones + noise)[:, None], labels), batch_size=16)
