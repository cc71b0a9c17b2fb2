"""Watch the pass bands of a SincNet-like front end move to what tells motions apart.

    pip install -e '.[examples]' && python examples/sinc.py

BasicMotions (it ships inside aeon): 10 seconds of a smart watch's accelerometer and gyroscope, 10 samples a second, of
people who stand, walk, run or play badminton. Every filter is a band-pass, of which only the two edges are learned
(Ravanelli and Bengio, https://arxiv.org/abs/1808.00158): its kernel is made in the forward, and no module holds it. The
monitor sees it in the first batch, shows it under the name of the module that makes it, and knows the rates of the
layers behind it. Takes about 15 seconds on two cores.
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

#: Samples per second of the watch.
RATE = 10.0
CLASSES = ("standing", "running", "walking", "badminton")


class SincConv(nn.Module):
    """Band-passes, windowed differences of two low-passes, from a lower edge and a width in Hz each."""

    time: Tensor
    window: Tensor

    def __init__(self, filters: int, taps: int) -> None:
        super().__init__()
        edges = torch.linspace(0.05, RATE / 2 - 0.3, filters + 1)
        self.low = nn.Parameter(edges[:-1, None].clone())
        self.width = nn.Parameter(edges.diff()[:, None].clone())
        self.register_buffer("time", torch.arange(-(taps // 2), taps // 2 + 1) / RATE)
        self.register_buffer("window", torch.hamming_window(taps, periodic=False))

    def forward(self, x: Tensor) -> Tensor:
        """Signals ``(batch, channels, samples)`` to ``(batch, channels * filters, samples)``, channel by channel."""
        low = self.low.abs() + 0.05
        high = (low + self.width.abs() + 0.1).clamp(max=RATE / 2)
        passes = [2 * edge / RATE * torch.sinc(2 * edge * self.time) for edge in (high, low)]
        kernel = (self.window * (passes[0] - passes[1]))[:, None]
        each = nn.functional.conv1d(x.reshape(-1, 1, x.shape[-1]), kernel, padding="same")
        return each.reshape(len(x), -1, x.shape[-1])


class MotionClassifier(pl.LightningModule):
    """Band-passes of each sensor, their envelopes, and a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.sinc = SincConv(12, taps=41)
        self.envelope = nn.Sequential(nn.BatchNorm1d(72), nn.AvgPool1d(4))
        self.conv = nn.Conv1d(72, 32, kernel_size=9, padding=4)
        self.head = nn.Sequential(nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3))
        self.out = nn.Linear(32, len(CLASSES))

    def forward(self, motion: Tensor) -> Tensor:
        """Logits ``(batch, 4)`` of recordings ``(batch, 6, samples)``."""
        envelopes = self.envelope(torch.log1p(self.sinc(motion).square()))
        return self.out(self.head(self.conv(envelopes)).mean(dim=-1))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross entropy."""
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Accuracy."""
        self.log("test_accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam; edges in Hz move faster than weights."""
        others = [value for name, value in self.named_parameters() if not name.startswith("sinc")]
        return torch.optim.Adam([{"params": [*self.sinc.parameters()], "lr": 0.1}, {"params": others}], lr=3e-3)


def load(split: str) -> TensorDataset:
    """40 recordings each, z-normalised by sensor, and labels 0 to 3."""
    motions, labels = load_basic_motions(split=split)
    x = torch.tensor(motions, dtype=torch.float32)
    x = (x - x.mean(dim=(0, 2), keepdim=True)) / x.std(dim=(0, 2), keepdim=True)
    return TensorDataset(x, torch.tensor([CLASSES.index(label.lower()) for label in labels]))


def main() -> None:
    """Train, test, say which bands moved and how to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    pl.seed_everything(options.seed)
    logger = TensorBoardLogger("runs", name="sinc")
    trainer = pl.Trainer(
        max_epochs=options.epochs,
        logger=logger,
        callbacks=[Conv1dFilterMonitor(sample_rate=RATE)],
        enable_model_summary=False,
        log_every_n_steps=5,
    )
    model = MotionClassifier()
    before = model.sinc.low.detach().abs()
    trainer.fit(model, DataLoader(load("train"), batch_size=8, shuffle=True))
    (result,) = trainer.test(model, DataLoader(load("test"), batch_size=40), verbose=False)
    moved = (model.sinc.low.detach().abs() - before).abs().flatten()
    print(f"test accuracy: {result['test_accuracy']:.1%}")
    print(f"lower edges moved by {moved.min():.2f} to {moved.max():.2f} Hz")
    print(f"look at the filters: tensorboard --logdir {logger.log_dir}")


if __name__ == "__main__":
    main()
