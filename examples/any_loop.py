"""The same filters, watched without a Trainer: in a plain PyTorch loop, and under Fabric.

    pip install -e '.[examples]' && python examples/any_loop.py

Both train a small 1-D CNN on GunPoint (it ships inside aeon), 60 epochs each. Takes about 25 seconds on two cores.
"""

from __future__ import annotations

import argparse

import torch
from aeon.datasets import load_gunpoint
from lightning_fabric import Fabric  # or: from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from filterscope import FilterRecorder


class MotionClassifier(nn.Module):
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


def load(split: str) -> TensorDataset:
    """GunPoint's ``"train"`` (50) or ``"test"`` (150) series, already z-normalised, and labels 0 and 1."""
    series, labels = load_gunpoint(split=split)
    return TensorDataset(torch.tensor(series, dtype=torch.float32), torch.tensor(labels.astype(int) - 1))


def accuracy(model: nn.Module) -> float:
    """Share of the test series that are told right."""
    series, labels = load("test").tensors
    model.eval()
    with torch.no_grad():
        right = model(series).argmax(dim=1) == labels
    model.train()
    return float(right.float().mean())


def plain(epochs: int) -> float:
    """A loop in plain PyTorch; its test accuracy."""
    model = MotionClassifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    batches = DataLoader(load("train"), batch_size=10, shuffle=True)
    with FilterRecorder(model, "runs/plain", total=epochs + 1) as recorder:
        recorder.snapshot(0)
        for epoch in range(epochs):
            for series, labels in batches:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(series), labels).backward()
                optimizer.step()
            schedule.step()
            recorder.snapshot(epoch + 1)
    return accuracy(model)


def under_fabric(epochs: int) -> float:
    """The same under Fabric, whose wrapper the recorder looks through; with several devices, all ranks call it."""
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    bare = MotionClassifier()
    model, optimizer = fabric.setup(bare, torch.optim.Adam(bare.parameters(), lr=5e-3))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    batches = fabric.setup_dataloaders(DataLoader(load("train"), batch_size=10, shuffle=True))
    with FilterRecorder(model, "runs/fabric", total=epochs + 1) as recorder:
        recorder.snapshot(0)
        for epoch in range(epochs):
            for series, labels in batches:
                optimizer.zero_grad()
                fabric.backward(nn.functional.cross_entropy(model(series), labels))
                optimizer.step()
            schedule.step()
            recorder.snapshot(epoch + 1)
    return accuracy(model)


def main() -> None:
    """Train twice, and say how to look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for train in (plain, under_fabric):
        torch.manual_seed(options.seed)
        print(f"test accuracy, {train.__name__.replace('_', ' ')}: {train(options.epochs):.1%}")
    print("look at the filters: tensorboard --logdir runs")


if __name__ == "__main__":
    main()
