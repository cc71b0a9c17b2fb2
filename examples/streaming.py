"""Watch filters learn from a stream that has no epochs.

    pip install -e '.[examples]' && python examples/streaming.py

Windows are cut for ever, at random places, from the motion of people who walk, run, stand or play badminton
(BasicMotions; it ships inside aeon; six channels of a smart watch at 10 Hz). A 1-D CNN tells which it was; the monitor
takes a snapshot every 40 steps. Takes about 30 seconds on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytorch_lightning as pl
import torch
from aeon.datasets import load_basic_motions
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from filterscope import Conv1dFilterMonitor

#: Samples of a window: 6.4 seconds.
WINDOW = 64


def load(split: str) -> tuple[Tensor, Tensor]:
    """Standardised ``"train"`` or ``"test"`` series ``(40, 6, 100)``, and labels 0 to 3."""
    series, names = load_basic_motions(split=split)
    labels = torch.tensor([sorted(set(names)).index(name) for name in names])
    values = torch.tensor(series, dtype=torch.float32)
    return (values - values.mean(dim=(0, 2), keepdim=True)) / values.std(dim=(0, 2), keepdim=True), labels


class Windows(IterableDataset):
    """Windows of the training series, without end."""

    def __init__(self) -> None:
        self.series, self.labels = load("train")

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            which = int(torch.randint(len(self.series), ()))
            start = int(torch.randint(self.series.shape[2] - WINDOW, ()))
            yield self.series[which, :, start : start + WINDOW], self.labels[which]


class ActivityClassifier(pl.LightningModule):
    """Two convolutions and global average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(6, 32, kernel_size=15, padding=7)
        self.conv2 = nn.Conv1d(32, 32, kernel_size=9, padding=4)
        self.norm1, self.norm2 = nn.BatchNorm1d(32), nn.BatchNorm1d(32)
        self.head = nn.Linear(32, 4)

    def forward(self, series: Tensor) -> Tensor:
        """Logits ``(batch, 4)`` of series ``(batch, 6, samples)``."""
        hidden = self.norm1(self.conv1(series)).relu()
        hidden = self.norm2(self.conv2(hidden)).relu()
        return self.head(hidden.mean(dim=-1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross entropy."""
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main() -> None:
    """Train, test, and say how to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--every", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    pl.seed_everything(options.seed)
    logger = TensorBoardLogger("runs", name="streaming")
    trainer = pl.Trainer(
        max_steps=options.steps,
        max_epochs=-1,
        logger=logger,
        callbacks=[Conv1dFilterMonitor(every_n_train_steps=options.every, sample_rate=10)],
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    model = ActivityClassifier()
    trainer.fit(model, DataLoader(Windows(), batch_size=16))
    series, labels = load("test")
    model.eval()
    with torch.no_grad():
        right = model(series).argmax(dim=1) == labels
    print(f"test accuracy: {right.float().mean():.1%}")
    print(f"look at the filters: tensorboard --logdir {logger.log_dir}")


if __name__ == "__main__":
    main()
