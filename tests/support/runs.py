"""Runs for the tests of the command line: one that a fit wrote, and any history written as a monitor writes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.events import blob, summaries
from tests.support.nets import SmallNet, directory_of, loader, make_trainer


def fit(directory: Path) -> Path:
    """Three epochs of ``SmallNet``, of whose ``conv1`` four of six filters are monitored; the run's directory."""
    pl.seed_everything(0)
    trainer = make_trainer(directory, Conv1dFilterMonitor(max_filters=4, plots=(), sample_rate=100))
    model = SmallNet()
    trainer.fit(model, loader())
    torch.save(model.state_dict(), directory / "weights.pt")
    return Path(directory_of(trainer))


def write_run(directory: Path, banks: Iterable[FilterBank], tag: str = "filters", damaged: int = 0) -> Path:
    """A run of these banks, in the order of their steps, and so many snapshots more that cannot be read."""
    writer = SummaryWriter(str(directory))
    given = list(banks)
    orders = {layer: order for order, layer in enumerate(dict.fromkeys(bank.layer for bank in given))}
    begun: set[str] = set()
    for bank in sorted(given, key=lambda bank: bank.step or 0):
        blobs = blob.encode_snapshot(bank, None, orders[bank.layer], bank.layer not in begun, True)
        begun.add(bank.layer)
        _add(writer, f"{tag}/{bank.layer}/bank", blobs, bank.step)
    for layer in orders:
        for i in range(damaged):
            _add(writer, f"{tag}/{layer}/bank", [b"no blob of ours"], 10_000 + i)
    writer.close()
    return directory


def _add(writer: SummaryWriter, tag: str, blobs: list[bytes], step: int | None) -> None:
    value = summaries.filters(tag, blobs, b"{}")
    writer._get_file_writer().add_summary(Summary(value=[value]), step, 1e9 + (step or 0))  # one time for all layers


def history(layer: str, weights: np.ndarray, **fields: Any) -> list[FilterBank]:
    """Banks of weights ``(E, filters, channels, taps)``, an epoch of five steps apart."""
    return [FilterBank(layer, each, epoch=i, step=5 * i, **fields) for i, each in enumerate(weights)]
