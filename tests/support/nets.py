"""Small models and fits that several tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

#: Options of a Trainer that runs on the CPU and neither prints nor saves anything.
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


def series(count: int = 16, channels: int = 1, samples: int = 64) -> TensorDataset:
    """Two classes of noisy tones."""
    generator = torch.Generator().manual_seed(7)
    labels = torch.arange(count) % 2
    time = torch.arange(samples) / samples
    tones = torch.sin(2 * torch.pi * (3 + 9 * labels[:, None]) * time)
    noise = 0.3 * torch.randn(count, channels, samples, generator=generator)
    return TensorDataset(tones[:, None] + noise, labels)


class SmallNet(pl.LightningModule):
    """Two convolutions; 4 batches of 4 per epoch with ``loader()``."""

    def __init__(self, channels: int = 1, lr: float = 0.05) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels, 6, 9, padding=4)
        self.conv2 = nn.Conv1d(6, 4, 3, padding=1)
        self.head = nn.Linear(4, 2)
        self.lr = lr

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv2(self.conv1(x).relu()).relu().mean(-1))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


class TwoOptimizers(SmallNet):
    """Steps two optimisers per batch, by hand, so that ``global_step`` counts double."""

    automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(part.parameters(), lr=0.05) for part in (self.conv1, self.conv2)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.manual_backward(super().training_step(batch, batch_idx))
        optimizers: Any = self.optimizers()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()


class OneLayer(SmallNet):
    """One layer of five channels, of any form, on three channels of input."""

    def __init__(self, conv: Any) -> None:
        super().__init__(channels=3)
        del self.conv1, self.conv2
        self.conv, self.head = conv, nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        shape = [-1 if side > 1 else 1 for side in self.conv.kernel_size]
        seen = self.conv(x.to(next(self.conv.parameters()).dtype).reshape(*x.shape[:2], *shape)).abs()
        return self.head(seen.flatten(2).mean(-1).to(self.head.weight.dtype))


def loader(channels: int = 1, batch_size: int = 4, samples: int = 64) -> DataLoader[Any]:
    return DataLoader(series(channels=channels, samples=samples), batch_size=batch_size)


def directory_of(trainer: pl.Trainer) -> str:
    """Where a Trainer's logger writes."""
    assert isinstance(trainer.logger, TensorBoardLogger)
    return trainer.logger.log_dir


def make_trainer(tmp_path: Path, *callbacks: pl.Callback, **options: Any) -> pl.Trainer:
    """A quiet Trainer on the CPU that logs to ``tmp_path``."""
    logger = TensorBoardLogger(str(tmp_path), name="run", version=0)
    return pl.Trainer(callbacks=list(callbacks), **(QUIET | {"logger": logger, "max_epochs": 3} | options))
