"""Watch long and depthwise filters learn from six motion sensors.

    pip install -e '.[examples]' && python examples/basic_motions.py

BasicMotions (it ships inside aeon): 80 recordings of a smart watch, 10 seconds at 10 Hz, by an accelerometer
(x, y, z) and a gyroscope (x, y, z), of four activities: badminton, running, standing, walking. Takes about 15 seconds
on two cores.
"""

from __future__ import annotations

import argparse

import pytorch_lightning as pl
import torch
from aeon.datasets import load_basic_motions
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from filterscope import Conv1dFilterMonitor

ACTIVITIES = ["badminton", "running", "standing", "walking"]


class Separable(nn.Sequential):
    """A dilated convolution of each channel on its own (depthwise), then one across channels (pointwise)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel_size=9, dilation=dilation, groups=width, padding="same")
        self.pointwise = nn.Conv1d(width, width, kernel_size=1)
        self.norm = nn.BatchNorm1d(width)
        self.relu = nn.ReLU()


class ActivityClassifier(pl.LightningModule):
    """A stem that reads all six sensors, depthwise blocks that see ever longer, global average pooling."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Conv1d(6, width, kernel_size=15, padding="same")
        self.norm = nn.BatchNorm1d(width)
        self.blocks = nn.Sequential(*(Separable(width, dilation) for dilation in (1, 2, 4)))
        self.head = nn.Linear(width, len(ACTIVITIES))

    def forward(self, series: Tensor) -> Tensor:
        """Logits ``(batch, 4)`` of series ``(batch, 6, samples)``."""
        return self.head(self.blocks(self.norm(self.stem(series)).relu()).mean(dim=-1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross entropy."""
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Accuracy."""
        self.log("test_accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def load(split: str) -> TensorDataset:
    """The 40 recordings of ``"train"`` or of ``"test"``, each sensor scaled by its mean and deviation in training."""
    series, labels = load_basic_motions(split=split)
    reference, _ = load_basic_motions(split="train")
    scaled = (series - reference.mean(axis=(0, 2), keepdims=True)) / reference.std(axis=(0, 2), keepdims=True)
    targets = torch.tensor([ACTIVITIES.index(label) for label in labels])
    return TensorDataset(torch.tensor(scaled, dtype=torch.float32), targets)


def main() -> None:
    """Train, test, and say how to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    pl.seed_everything(0)
    torch.set_num_threads(1)  # a model so small gains nothing from more, and loses much on a busy machine
    monitor = Conv1dFilterMonitor(
        layers=["stem", "*.depthwise"],
        channels="all",  # every sensor's weights; "principal" would show one shape per filter
        sample_rate={"*": 10},  # Hz; no layer has a stride, so all of them run at the sensors' rate
    )
    logger = TensorBoardLogger("runs", name="basic_motions")
    trainer = pl.Trainer(
        max_epochs=options.epochs, logger=logger, callbacks=[monitor], enable_model_summary=False, log_every_n_steps=5
    )
    model = ActivityClassifier()
    trainer.fit(model, DataLoader(load("train"), batch_size=8, shuffle=True))
    (result,) = trainer.test(model, DataLoader(load("test"), batch_size=40), verbose=False)
    print(f"test accuracy: {result['test_accuracy']:.1%}")
    print(f"look at the filters: tensorboard --logdir {logger.log_dir}")


if __name__ == "__main__":
    main()
