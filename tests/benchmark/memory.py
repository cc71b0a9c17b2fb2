"""What recording a wide or a deep model takes: a whole fit in a process of its own, with or without the monitor.

    python -m tests.benchmark.memory deep with

It prints bytes that the process held at most, bytes that it held after the fit, seconds of CPU, the number of images,
and the bytes of its event files.
"""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from filterscope import Conv1dFilterMonitor
from tests.benchmark.models import deep, wide

#: Model, channels of its input, epochs.
FITS = {"wide": (wide, 1024, 6), "deep": (deep, 1, 12)}
#: malloc keeps much of what is freed, to use it again; so set, it gives back all blocks but small ones.
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072"}


@dataclass(frozen=True)
class Cost:
    """Of one fit: bytes in memory at the peak and after it, seconds of CPU, images, bytes of event files."""

    peak: float
    held: float
    cpu: float
    images: float
    written: float


class _Fit(pl.LightningModule):
    """An epoch is one step on a short series, so that snapshots come faster than they are recorded."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.net = FITS[name][0]()

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x = batch[0]
        for layer in self.net:
            y = layer(x)
            x = x + 0.1 * y if x.shape == y.shape else y
        return x.square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-4)


def cost(name: str, setting: str) -> Cost:
    """What a fit takes, ``"with"`` or ``"without"`` the monitor."""
    command = [sys.executable, "-m", "tests.benchmark.memory", name, setting]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | _GIVE_BACK)
    return Cost(*map(float, done.stdout.splitlines()[-1].split()))


def weight_bytes(name: str) -> int:
    """Bytes of a model's filters."""
    return sum(layer.weight.nbytes for layer in FITS[name][0]() if isinstance(layer, nn.Conv1d))


def _fit(name: str, callbacks: list[pl.Callback]) -> None:
    _, channels, epochs = FITS[name]
    with tempfile.TemporaryDirectory() as directory:
        trainer = pl.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=TensorBoardLogger(directory), callbacks=callbacks,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        model = _Fit(name)
        began = time.process_time()
        trainer.fit(model, DataLoader(TensorDataset(torch.randn(1, channels, 16))))
        cpu = time.process_time() - began
        gc.collect()
        with open("/proc/self/statm") as pages:
            held = int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        files = list(Path(directory).rglob("events*"))
        events = [event for path in files for event in EventFileLoader(str(path)).Load()]
        plugins = [value.metadata.plugin_data.plugin_name for event in events for value in event.summary.value]
        print(peak, held, cpu, plugins.count("images"), sum(path.stat().st_size for path in files))


if __name__ == "__main__":
    torch.set_num_threads(1)
    _fit(sys.argv[1], [Conv1dFilterMonitor()] if sys.argv[2] == "with" else [])
