"""What tests of whole fits share: a model for every stage, and what must hold after any fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from filterscope.plots.kinds import PlotName
from tests.support.events import Logged
from tests.support.nets import SmallNet
from tests.support.states import is_threadless

PLOTS: tuple[PlotName, ...] = ("taps", "drift")


class EveryStage(SmallNet):
    """Evaluates too, logs a metric that never improves, and may raise in a batch, counted from 1."""

    def __init__(self, error: BaseException | None = None, at: int = 0) -> None:
        super().__init__()
        self.error, self.at = error, at

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("flat", 1.0, on_epoch=True, on_step=False)
        if self.error is not None and self.trainer.global_step + 1 == self.at:
            raise self.error
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self(batch[0]).sum()

    test_step = predict_step = validation_step


class Hook(pl.Callback):
    """Calls a function with Trainer and model at one hook."""

    def __init__(self, hook: str, act: Callable[[Any, Any], None]) -> None:
        setattr(self, hook, lambda trainer, model, *_: act(trainer, model))


def check(log_dir: Path, snapshots: Sequence[int]) -> Logged:
    """What must hold after any fit that took these snapshots of conv1 and conv2, images of PLOTS on."""
    assert is_threadless()
    logged = Logged(log_dir)
    for tag in logged.tags():
        assert all(a < b for a, b in pairwise(logged.steps(tag))), (tag, logged.steps(tag))
    if not snapshots:
        assert logged.tags() == set()
        return logged
    for layer in ("conv1", "conv2"):
        assert logged.steps(f"filters/{layer}/weights") == list(snapshots)
        for kind in ("rotation", "rms", "dead"):
            assert logged.steps(f"filters/{layer}/{kind}") == list(snapshots)
        assert logged.steps(f"filters/{layer}/change") == list(snapshots)[1:]
    drawn = {"conv1/taps", "conv2/taps"} | ({"conv1/drift", "conv2/drift"} if len(snapshots) > 1 else set())
    assert {tag.removeprefix("filters/") for tag in logged.images} == drawn
    for tag, images in logged.images.items():
        assert images[-1][0] == snapshots[-1], tag
        assert len(images) <= 10, tag
    return logged
