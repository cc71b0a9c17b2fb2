"""The weights of a layer as a fit goes on, and how far they turned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.nn.parameter import is_lazy


def weights_of(module: Any) -> np.ndarray:
    """Filters x channels x taps, float32 or complex64, by torch."""
    weight = module.weight.detach().reshape(*module.weight.shape[:2], -1)
    return weight.to(torch.complex64 if weight.is_complex() else torch.float32, copy=True).numpy()


def rotation(weights: np.ndarray, reference: np.ndarray) -> float:
    """One minus the cosine between them, by its definition."""
    w, r = weights.astype(np.float64), reference.astype(np.float64)
    return float(1 - (w * r).sum() / np.sqrt((w**2).sum() * (r**2).sum()))


class Weights(pl.Callback):
    """Copies of a layer's weights at the hooks where the monitor reads them.

    Attributes:
        layer: Its name.
        at: By steps done: at the start of training and at the end of every epoch.
        by_epoch: The same by epochs completed.
        start: The steps done at the start of training.
        ends: Those done at the end of every epoch.
        final: The weights after the fit.
    """

    def __init__(self, layer: str = "conv1") -> None:
        self.layer = layer
        self.at: dict[int, np.ndarray] = {}
        self.by_epoch: dict[int, np.ndarray] = {}
        self.ends: list[int] = []

    def _take(self, trainer: Any, model: Any, epoch: int) -> int:
        step = trainer.global_step  # right from the first hook on; Lightning's count of batches may lag by one there
        module = model.get_submodule(self.layer)
        if not is_lazy(module.weight):
            self.at[step] = self.by_epoch[epoch] = weights_of(module)
        return step

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.start = self._take(trainer, pl_module, trainer.current_epoch)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        """A lazy layer's first weights, which the monitor's initial snapshot waits for."""
        if not self.at:
            self._take(trainer, pl_module, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.ends.append(self._take(trainer, pl_module, trainer.current_epoch + 1))

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.final = weights_of(pl_module.get_submodule(self.layer))
