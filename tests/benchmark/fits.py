"""Whole fits with and without the callback, in pairs that take turns."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger

from filterscope import Conv1dFilterMonitor
from tests.benchmark.models import SignalClassifier, signals

EPOCHS = 60


def seconds(callbacks: list[pl.Callback], series: int) -> float:
    """Wall time of one fit, its end included."""
    with tempfile.TemporaryDirectory() as directory:
        pl.seed_everything(0, verbose=False)
        trainer = pl.Trainer(
            max_epochs=EPOCHS, accelerator="cpu", logger=TensorBoardLogger(directory), callbacks=callbacks,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        model, loader = SignalClassifier(), signals(series)
        began = time.perf_counter()
        trainer.fit(model, loader)
        return time.perf_counter() - began


def measure(pairs: int, progress: Callable[[str], None], row: Callable[..., Any]) -> list[Any]:
    """Ratios of fits with the callback to fits without."""
    series = 64
    while (once := seconds([], series)) < 0.4 * EPOCHS:  # epochs of about half a second on any machine
        series = int(series * max(1.2, 0.5 * EPOCHS / once))
    rows = []
    for words, options, goal in (
        ("default", {}, 1.05),
        ("`plot_every_n_epochs=1`", {"plot_every_n_epochs": 1}, 1.3),
    ):
        ratios = []
        for pair in range(pairs):
            progress(f"fits, {words}: pair {pair + 1} of {pairs}, ratios so far {[round(r, 3) for r in ratios]}")
            one, other = [Conv1dFilterMonitor(**options)], []
            if pair % 2:
                ratios.append(seconds(one, series) / seconds(other, series))
            else:
                without = seconds(other, series)
                ratios.append(seconds(one, series) / without)
        detail = f"{min(ratios):.3f} to {max(ratios):.3f}, {pairs} pairs of {once:.0f} s"
        rows.append(row("M5", f"wall time of a fit, {words}: with / without", statistics.median(ratios), goal, detail))
    return rows
