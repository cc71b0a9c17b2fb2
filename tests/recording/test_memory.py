"""Of a large model, recording holds few copies, and none once it has ended."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Conv1dFilterMonitor, FilterBank, FilterRecorder, load_history, read_filters
from filterscope.events.blob import encode
from filterscope.filters import metrics
from filterscope.recording.reading import Reading, same_weights
from tests.support.memory import allocating_at_most
from tests.support.nets import SmallNet, loader, make_trainer

LONG = 60.0  #: Seconds after which a wait counts as a hang.
MB = 2**20


def held(layer: str) -> int:
    """Banks of a layer in this process."""
    gc.collect()
    return sum(type(each) is FilterBank and each.layer == layer for each in gc.get_objects())


def wide(size: int = 33 * MB) -> nn.Module:
    """A layer of four filters that takes so many bytes."""
    return nn.Sequential(nn.utils.skip_init(nn.Conv1d, 1024, 4, size // 2**14))


def test_of_a_large_model_one_snapshot_waits_and_no_copy_is_made_while_it_does(tmp_path: Path) -> None:
    begun, gate, taken = threading.Event(), threading.Event(), []
    model: Any = wide()
    model[0].weight.data.fill_(1.0)

    def slow(bank: FilterBank, *, reference: FilterBank) -> Any:
        begun.set()
        assert gate.wait(LONG)
        return matplotlib.figure.Figure()

    recorder = FilterRecorder(model, tmp_path, plots=[slow], max_filters=1, total=9)

    def produce() -> None:
        for epoch in range(4):
            recorder.snapshot(epoch)
            taken.append(epoch)

    producer = threading.Thread(target=produce)
    producer.start()
    assert begun.wait(LONG)
    producer.join(0.2)
    assert producer.is_alive()
    assert taken == [0, 1]
    model[0].weight.data.fill_(2.0)  # what waits has not read them yet
    gate.set()
    producer.join(LONG)
    recorder.close()
    history = load_history(tmp_path)["0"]
    assert history.epochs.tolist() == [0, 1, 2, 3]
    assert history.weights.max(axis=(1, 2, 3)).tolist() == [1, 1, 2, 2]


class Named(SmallNet):
    """Its first layer has a name that no other test uses."""

    def __init__(self) -> None:
        super().__init__()
        self.held = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(self.held(x))


def test_after_a_fit_no_weights_are_held(tmp_path: Path) -> None:
    monitor = Conv1dFilterMonitor()
    trainer = make_trainer(tmp_path, monitor, max_epochs=2)
    trainer.fit(Named(), loader())
    assert held("held") == 0
    del trainer, monitor


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="not on Linux")
def test_what_a_copy_of_a_large_layer_took_goes_back_to_the_system() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    model = nn.Sequential(*[wide(4 * MB) for _ in range(10)])
    read_filters(model)  # from the first blocks of a size that are freed, malloc learns to keep such
    before = resident()
    banks = read_filters(model)
    assert resident() - before > 30 * MB
    last = banks.popitem()  # malloc gives back no more than what lies above the last block in use
    del banks
    assert resident() - before < 10 * MB
    del last


def test_measures_and_comparisons_of_a_large_layer_make_no_copy_of_it() -> None:
    weights = np.ones((64, 64, 512), np.float32)
    bank, other = (FilterBank.owning("conv", each) for each in (weights, weights + np.float32(0.5)))
    one, two = (Reading({"conv": each}, 0.0) for each in (bank, bank.with_fields(weights=weights.copy())))
    weights[0, 0, 0] = two.banks["conv"].weights[0, 0, 0] = np.nan
    with allocating_at_most(weights.nbytes // 3):
        assert same_weights(one, two)
    weights[0, 0, 0] = two.banks["conv"].weights[0, 0, 0] = 1.0
    with allocating_at_most(weights.nbytes // 8):
        assert metrics.change(other.weights, weights) == pytest.approx(0.5, rel=1e-6)
    with allocating_at_most(weights.nbytes * 9 // 8):
        assert len(encode(bank, reference=True)) > weights.nbytes
