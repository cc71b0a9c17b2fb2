"""Watch the filters of a small 1-D CNN learn to tell two motions apart.

    pip install -e '.[examples]' && python examples/gunpoint.py

GunPoint (Ratanamahatana and Keogh; it ships inside aeon): 200 recordings of a hand's horizontal position, 150 samples
each, of people who draw a gun or only point. Takes about 20 seconds on two cores.
"""

from __future__ import annotations

import argparse

import pytorch_lightning as pl
import torch
from aeon.datasets import load_gunpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler
from torch.utils.data import DataLoader, TensorDataset

from filterscope import Conv1dFilterMonitor


class MotionClassifier(pl.LightningModule):
    """Two convolutions and global average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 64, kernel_size=31, padding=15)
        self.conv2 = nn.Conv1d(64, 64, kernel_size=9, stride=2, padding=4)
        self.norm1, self.norm2 = nn.BatchNorm1d(64), nn.BatchNorm1d(64)
        self.head = nn.Linear(64, 2)

    def forward(self, series: Tensor) -> Tensor:
        """Logits ``(batch, 2)`` of series ``(batch, 1, samples)``."""
        hidden = self.norm1(self.conv1(series)).relu()
        hidden = self.norm2(self.conv2(hidden)).relu()
        return self.head(hidden.mean(dim=-1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross entropy."""
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Accuracy."""
        self.log("test_accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean())

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        """Adam, its learning rate falling to zero by the last epoch: without, the accuracy jumps about to the end."""
        optimizer = torch.optim.Adam(self.parameters(), lr=5e-3)
        return [optimizer], [CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs)]


def load(split: str) -> TensorDataset:
    """GunPoint's ``"train"`` (50) or ``"test"`` (150) series, already z-normalised, and labels 0 and 1."""
    series, labels = load_gunpoint(split=split)
    return TensorDataset(torch.tensor(series, dtype=torch.float32), torch.tensor(labels.astype(int) - 1))


def main() -> None:
    """Train, test, and say how to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    pl.seed_everything(options.seed)
    logger = TensorBoardLogger("runs", name="gunpoint")
    trainer = pl.Trainer(
        max_epochs=options.epochs,
        logger=logger,
        callbacks=[Conv1dFilterMonitor()],
        enable_model_summary=False,
        log_every_n_steps=5,
    )
    model = MotionClassifier()
    trainer.fit(model, DataLoader(load("train"), batch_size=10, shuffle=True))
    (result,) = trainer.test(model, DataLoader(load("test"), batch_size=150), verbose=False)
    print(f"test accuracy: {result['test_accuracy']:.1%}")
    print(f"look at the filters: tensorboard --logdir {logger.log_dir}")


if __name__ == "__main__":
    main()
