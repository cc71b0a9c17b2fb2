"""Fits whose weights are kept, and what a history read from them must be.

The fixture is taken with ``pytest_plugins = ["tests.support.histories"]``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from filterscope import Conv1dFilterMonitor, FilterHistory, load_history
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.weights import Weights

#: What layers had, by name.
Kept = dict[str, Weights]


def halved(weights: np.ndarray) -> np.ndarray:
    """Rounded to float16, by torch."""
    given = torch.from_numpy(weights)
    if given.is_complex():
        return torch.view_as_complex(torch.view_as_real(given).half().float()).numpy()
    return given.half().float().numpy()


class Edit(pl.Callback):
    """Changes the model in place at the end of an epoch; put before the monitor."""

    def __init__(self, epoch: int, change: Callable[[Any], Any]) -> None:
        self.epoch, self.change = epoch, change

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch + 1 == self.epoch:
            with torch.no_grad():
                self.change(pl_module)


def fit(
    path: Path,
    *before: pl.Callback,
    model: Any = None,
    keep: Sequence[str] = ("conv1", "conv2"),
    data: Any = None,
    more: Sequence[pl.Callback] = (),
    ckpt_path: Any = None,
    options: dict[str, Any] | None = None,
    **monitor: Any,
) -> Kept:
    """A fit without images, with a monitor between the callbacks ``before`` and ``more``; the layers to ``keep``."""
    pl.seed_everything(11)
    kept = {layer: Weights(layer) for layer in keep}
    callback = Conv1dFilterMonitor(plots=(), **monitor)
    trainer = make_trainer(path, *before, callback, *more, *kept.values(), **(options or {}))
    trainer.fit(SmallNet() if model is None else model, data or loader(), ckpt_path=ckpt_path)
    return kept


def check(history: FilterHistory, kept: dict[int, np.ndarray], epochs: Sequence[int], monitored: int = 10**6) -> None:
    """The history is that of these weights: exact at first, rounded to float16 from then on."""
    assert history.epochs.tolist() == list(epochs)
    assert history.steps.tolist() == [4 * epoch for epoch in epochs]
    first = kept[epochs[0]]
    assert history.weights.dtype == first.dtype
    assert history.weights.shape == (len(epochs), min(monitored, len(first)), *first.shape[1:])
    assert history.initial.weights.tobytes() == first.tobytes()
    assert history.initial.indices.tolist() == list(range(len(first)))
    assert (history.initial.epoch, history.initial.step) == (epochs[0], 4 * epochs[0])
    assert history.weights[0].tobytes() == np.ascontiguousarray(first[:monitored]).tobytes()
    for position, epoch in enumerate(epochs[1:], 1):
        np.testing.assert_array_equal(history.weights[position], halved(kept[epoch][:monitored]))
        assert not np.array_equal(kept[epoch], kept[epochs[0]])
    for each, epoch in zip(history, epochs, strict=True):
        assert (each.layer, each.epoch, each.step) == (history.layer, epoch, 4 * epoch)
        assert each.indices.tolist() == list(range(min(monitored, len(first))))
        assert each.total_filters == len(first)
        np.testing.assert_array_equal(history.bank(epoch).weights, each.weights)


def quiet_load(*arguments: Any, **known: Any) -> dict[str, FilterHistory]:
    """A load without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_history(*arguments, **known)


@pytest.fixture(scope="session")
def recorded_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """A directory with one run, and what its model had."""
    path = tmp_path_factory.mktemp("one")
    return path, fit(path)
