"""On a CUDA device: what is recorded is what the device holds, and training is the same without us.

Skipped where there is none, as on the machines of CI.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history, read_filters
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.states import digest, random_streams

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

PRECISIONS = ("32-true", "bf16-mixed", "bf16-true", "16-true")


@pytest.fixture(autouse=True)
def _deterministic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    yield
    torch.use_deterministic_algorithms(False)


def fit(path: Path, *callbacks: pl.Callback, precision: str = "32-true") -> dict[str, str]:
    """A fit on the device; what it leaves, each part as a hash."""
    pl.seed_everything(11)
    model = SmallNet()
    options = {"accelerator": "gpu", "devices": 1, "deterministic": True, "precision": precision}
    trainer = make_trainer(path, *callbacks, **options)
    trainer.fit(model, loader())
    parts = {
        "parameters": {name: each.cpu() for name, each in model.named_parameters()},
        "optimiser": [
            {key: value.cpu() for key, value in state.items()} for state in trainer.optimizers[0].state.values()
        ],
        "cuda stream": torch.cuda.get_rng_state(),
    }
    return {name: digest(part) for name, part in parts.items()} | random_streams()


@pytest.mark.pictures
@pytest.mark.parametrize("precision", PRECISIONS)
def test_training_is_the_same_without_the_monitor(tmp_path: Path, precision: str) -> None:
    monitor = Conv1dFilterMonitor(plot_every_n_epochs=1)
    assert fit(tmp_path / "with", monitor, precision=precision) == fit(tmp_path / "without", precision=precision)
    history = load_history(tmp_path / "with")["conv1"]
    assert history.epochs.tolist() == [0, 1, 2, 3]
    assert history.rotation()[-1].max() > 1e-4


class Copies(pl.Callback):
    """What the device holds, copied by torch's own synchronous way."""

    def __init__(self) -> None:
        self.at: list[np.ndarray] = []

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.at.append(pl_module.conv1.weight.detach().cpu().float().numpy().copy())

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.on_train_start(trainer, pl_module)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_is_recorded_is_what_the_device_holds(tmp_path: Path, precision: str) -> None:
    copies = Copies()
    fit(tmp_path, Conv1dFilterMonitor(plots=()), copies, precision=precision)
    history = load_history(tmp_path)["conv1"]
    np.testing.assert_array_equal(history.initial.weights, copies.at[0])
    for bank, copy in zip(list(history)[1:], copies.at[1:], strict=True):
        np.testing.assert_array_equal(bank.weights, copy.astype(np.float16).astype(np.float32))


def test_a_snapshot_is_of_its_moment_though_kernels_are_under_way(tmp_path: Path) -> None:
    conv = nn.Conv1d(512, 512, 33)
    model = nn.Sequential(conv).cuda()
    work = torch.randn(4096, 4096, device="cuda")
    with torch.no_grad(), FilterRecorder(model, tmp_path, plots=(), max_filters=4) as recorder:
        for epoch in range(5):
            for _ in range(20):  # the device is behind the host by tens of milliseconds
                work = (work @ work).tanh()
            conv.weight.fill_(float(epoch + 1))
            recorder.snapshot(epoch)
            conv.weight.fill_(99.0)  # on the stream right after the copy
    weights = load_history(tmp_path)["0"].weights
    assert [np.unique(each).tolist() for each in weights] == [[1.0], [2.0], [3.0], [4.0], [5.0]]


def test_filters_are_read_from_the_device() -> None:
    model = SmallNet().cuda()
    banks = read_filters(model)
    np.testing.assert_array_equal(banks["conv1"].weights, model.conv1.weight.detach().cpu().numpy())
    np.testing.assert_array_equal(read_filters(model.state_dict())["conv2"].weights, banks["conv2"].weights)
