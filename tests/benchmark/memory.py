"""What recording a wide model holds: a whole fit in a process of its own, with or without the monitor.

    python -m tests.benchmark.memory with

It prints two numbers of bytes: the most that the process held, and what it held after the fit.
"""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import tempfile

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from filterscope import Conv1dFilterMonitor
from tests.benchmark.models import wide

EPOCHS = 6
#: malloc keeps much of what is freed, to use it again; so set, it gives back all blocks but small ones.
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072"}


class _Wide(pl.LightningModule):
    """An epoch is one step on a short series, so that snapshots come faster than they are recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.net = wide()

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.net(batch[0]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-4)


def copies() -> tuple[float, float, float]:
    """Memory that the monitor takes at the peak of a fit, and after it, in copies of the weights; their bytes."""
    (peak, held), (peak_without, held_without) = (_measured(words) for words in ("with", "without"))
    size = sum(layer.weight.nbytes for layer in wide() if isinstance(layer, nn.Conv1d))
    return (peak - peak_without) / size, (held - held_without) / size, size


def _measured(words: str) -> list[int]:
    command = [sys.executable, "-m", "tests.benchmark.memory", words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | _GIVE_BACK)
    return [int(number) for number in done.stdout.splitlines()[-1].split()]


def _fit(callbacks: list[pl.Callback]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        trainer = pl.Trainer(
            max_epochs=EPOCHS, accelerator="cpu", logger=TensorBoardLogger(directory), callbacks=callbacks,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        model = _Wide()
        trainer.fit(model, DataLoader(TensorDataset(torch.randn(1, 1024, 16))))
        gc.collect()
        with open("/proc/self/statm") as pages:
            held = int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, held)


if __name__ == "__main__":
    torch.set_num_threads(1)
    _fit([Conv1dFilterMonitor()] if sys.argv[1] == "with" else [])
