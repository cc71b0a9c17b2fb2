"""The monitor, configured from a file and from the command line.

    pip install -e '.[examples]' &&
    python examples/lightning_cli/main.py fit --config examples/lightning_cli/config.yaml

Any of its arguments can be given after that, such as ``--trainer.callbacks.every_n_epochs=2``; ``fit
--trainer.callbacks.help filterscope.Conv1dFilterMonitor`` lists them. Takes about 15 seconds on two cores.
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from aeon.datasets import load_gunpoint
from pytorch_lightning.cli import LightningCLI
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class MotionClassifier(pl.LightningModule):
    """One long convolution and one short, strided one.

    Args:
        filters: Filters of each convolution.
        lr: Learning rate of Adam at the start; it falls to zero by the last epoch.
    """

    def __init__(self, filters: int = 32, lr: float = 3e-3) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, filters, kernel_size=31, padding=15)
        self.conv2 = nn.Conv1d(filters, filters, kernel_size=9, stride=2, padding=4)
        self.norm1, self.norm2 = nn.BatchNorm1d(filters), nn.BatchNorm1d(filters)
        self.head = nn.Linear(filters, 2)
        self.lr = lr

    def forward(self, series: Tensor) -> Tensor:
        """Logits ``(batch, 2)`` of series ``(batch, 1, samples)``."""
        hidden = self.norm1(self.conv1(series)).relu()
        return self.head(self.norm2(self.conv2(hidden)).relu().mean(dim=-1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross entropy."""
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Accuracy."""
        self.log("test_accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean())

    def configure_optimizers(self) -> dict:
        """Adam with cosine annealing."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs)
        return {"optimizer": optimizer, "lr_scheduler": schedule}


class GunPoint(pl.LightningDataModule):
    """People who draw a gun or only point: 50 series to train on and 150 to test, of 150 samples.

    Args:
        batch_size: Series per batch in training.
    """

    def __init__(self, batch_size: int = 10) -> None:
        super().__init__()
        self.batch_size = batch_size

    def train_dataloader(self) -> DataLoader:
        """Shuffled."""
        return DataLoader(self._split("train"), batch_size=self.batch_size, shuffle=True)

    def test_dataloader(self) -> DataLoader:
        """All in one batch."""
        return DataLoader(self._split("test"), batch_size=150)

    def _split(self, split: str) -> TensorDataset:
        series, labels = load_gunpoint(split=split)
        return TensorDataset(torch.tensor(series, dtype=torch.float32), torch.tensor(labels.astype(int) - 1))


def main() -> None:
    """Do what the command line says; after a fit, test, and say how to look."""
    cli = LightningCLI(MotionClassifier, GunPoint, seed_everything_default=0)
    if cli.subcommand == "fit":
        (result,) = cli.trainer.test(cli.model, cli.datamodule, verbose=False)
        print(f"test accuracy: {result['test_accuracy']:.1%}")
        print(f"look at the filters: tensorboard --logdir {cli.trainer.log_dir}")


if __name__ == "__main__":
    main()
