"""Whole fits with and without the callback, in pairs that take turns."""

from __future__ import annotations

import functools
import runpy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from filterscope import Conv1dFilterMonitor
from tests.benchmark.models import SignalClassifier, signals

EPOCHS = 60


def seconds(model: pl.LightningModule, loader: DataLoader[Any], callbacks: list[pl.Callback]) -> float:
    """Wall time of one fit, its end included."""
    with tempfile.TemporaryDirectory() as directory:
        trainer = pl.Trainer(
            max_epochs=EPOCHS, accelerator="cpu", logger=TensorBoardLogger(directory), callbacks=callbacks,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        began = time.perf_counter()
        trainer.fit(model, loader)
        return time.perf_counter() - began


def of_signals(callbacks: list[pl.Callback], series: int) -> float:
    """A fit of M5."""
    pl.seed_everything(0, verbose=False)
    return seconds(SignalClassifier(), signals(series), callbacks)


def of_gunpoint(callbacks: list[pl.Callback]) -> float:
    """The fit of the GunPoint example."""
    pl.seed_everything(0, verbose=False)
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "gunpoint.py"))
    loader = DataLoader(example["load"]("train"), batch_size=10, shuffle=True)
    return seconds(example["MotionClassifier"](), loader, callbacks)


def pairs_of(
    fit: Callable[[list[pl.Callback]], float], options: dict[str, Any], pairs: int, say: Callable[[str], None]
) -> list[tuple[float, float]]:
    """Seconds with and without the callback, by turns."""
    measured: list[tuple[float, float]] = []
    for pair in range(pairs):
        ratios = ", ".join(f"{with_ / without:.3f}" for with_, without in measured)
        say(f"pair {pair + 1} of {pairs}; ratios so far: {ratios or 'none'}")
        if pair % 2:
            with_ = fit([Conv1dFilterMonitor(**options)])
            measured.append((with_, fit([])))
        else:
            without = fit([])
            measured.append((fit([Conv1dFilterMonitor(**options)]), without))
    return measured


def measure(pairs: int, progress: Callable[[str], None], row: Callable[..., Any]) -> list[Any]:
    """Ratios of fits with the callback to fits without."""
    series = 64
    while (once := of_signals([], series)) < 0.4 * EPOCHS:  # epochs of about half a second on any machine
        series = int(series * max(1.2, 0.5 * EPOCHS / once))

    def tell(words: str, what: str) -> None:
        progress(f"{words}: {what}")

    rows = []
    for words, options, goal in (
        ("default", {}, 1.05),
        ("`plot_every_n_epochs=1`", {"plot_every_n_epochs": 1}, 1.3),
    ):
        fit = functools.partial(of_signals, series=series)
        measured = pairs_of(fit, options, pairs, functools.partial(tell, f"fits, {words}"))
        ratios = [with_ / without for with_, without in measured]
        detail = f"{min(ratios):.3f} to {max(ratios):.3f}, {pairs} pairs of {once:.0f} s"
        rows.append(row("M5", f"wall time of a fit, {words}: with / without", statistics.median(ratios), goal, detail))
    measured = pairs_of(of_gunpoint, {}, pairs, functools.partial(tell, "GunPoint"))
    more = [with_ - without for with_, without in measured]
    detail = f"s ({min(more):.2f} to {max(more):.2f}), {pairs} pairs of {measured[0][1]:.0f} s"
    rows.append(row("GunPoint", "wall time of a fit: with less without", statistics.median(more), 1.0, detail))
    return rows
