"""Measures what recording costs and prints a Markdown table.

    python -m tests.benchmark                 # everything but whole fits, about 5 minutes on 2 cores
    python -m tests.benchmark --fits 10       # and 10 pairs of whole fits, with and without: 20 minutes more
    python -m tests.benchmark --quick         # smallest setting, seconds
    python -m tests.benchmark --json FILE     # figures with their spread as JSON, too

Every figure is a ratio, or a median of several runs with its spread, against a baseline measured in the same process.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

import filterscope
from filterscope.events import blob, summaries
from tests.benchmark import baselines, fits, memory
from tests.benchmark.models import MODELS, m5, sincnet
from tests.benchmark.ours import (
    Recording,
    batches_without_a_snapshot,
    hooks_and_recorders,
    observed_steps,
    training_steps,
)

Row = dict[str, Any]


def median_of(action: Callable[[], Any], runs: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Seconds of each run, after one that is not counted."""
    action()
    gc.collect()
    seconds = []
    for _ in range(runs):
        began = clock()
        action()
        seconds.append(clock() - began)
    return seconds


def spread(seconds: list[float]) -> str:
    """Median and range in milliseconds."""
    low, middle, high = (1000 * each for each in (min(seconds), statistics.median(seconds), max(seconds)))
    return f"{middle:.2f} ms ({low:.2f} to {high:.2f})"


def of_model(name: str, epochs: int, runs: int) -> list[Row]:
    """All figures of one model."""
    model = MODELS[name]()
    progress(f"{name}: baselines")
    with tempfile.TemporaryDirectory() as directory:
        writer = SummaryWriter(directory)
        copy = median_of(lambda: baselines.copy(model), 10 * runs)
        histograms = median_of(lambda: baselines.histograms(model, writer, 0), 2 * runs)
        recipe = median_of(lambda: (baselines.subplots(model, writer, 0), plt.close("all")), runs, time.process_time)
        writer.close()
    progress(f"{name}: {epochs} epochs of ours")
    ours = Recording(model, epochs)
    bare = Recording(model, epochs, images=False, save_filters=False)
    kept = Recording(model, epochs, images=False)
    hooks, recorders = hooks_and_recorders(model, epochs)
    limit = 4 * statistics.median(copy) + 0.5e-3
    thread, at_milestone = statistics.median(ours.thread), statistics.median(ours.milestone_thread)
    mean_milestone = statistics.mean(ours.milestones)
    per_recipe = statistics.median(recipe)
    layers = len(baselines.convolutions(model))
    return [
        row(name, "training thread, one snapshot / `add_histogram` loop", thread / statistics.median(histograms), 0.25,
            f"{spread(ours.thread)} against {spread(histograms)}"),
        row(name, "training thread, one snapshot / (4 copies + 0.5 ms)", thread / limit, 1,
            f"{spread(ours.thread)}, a copy {spread(copy)}"),
        row(name, "training thread, milestone / (4 copies + 0.5 ms)", at_milestone / limit, 1,
            spread(ours.milestone_thread)),
        row(name, "training thread, `FilterRecorder.snapshot` / the callback's hook",
            statistics.median(recorders) / statistics.median(hooks), 1.2,
            f"{spread(recorders)} against {spread(hooks)}"),
        row(name, "CPU, milestone (mean of all, set-up included) / subplot recipe", mean_milestone / per_recipe, 1 / 20,
            f"{1000 * mean_milestone:.0f} ms against {spread(recipe)}"),
        row(name, f"CPU, {epochs} epochs / subplot recipe each epoch", ours.cpu / (epochs * per_recipe), 1 / 100,
            f"{ours.cpu:.1f} s against {epochs * per_recipe:.0f} s"),
        row(name, "bytes of an image, largest", max(ours.image_bytes), 60_000,
            f"mean {statistics.mean(ours.image_bytes):.0f}"),
        row(name, "bytes per layer and epoch without images and raw filters", bare.bytes / (epochs + 1) / layers, 4096,
            "bytes"),
        row(name, "raw filters: CPU of an epoch with / without, no images", kept.cpu / bare.cpu, None,
            f"{1000 * (kept.cpu - bare.cpu) / epochs:.2f} ms, {(kept.bytes - bare.bytes) / epochs / 1000:.1f} kB more"),
        *of_others(name, model, thread, runs),
    ]  # fmt: skip


def of_others(name: str, model: torch.nn.Module, thread: float, runs: int) -> list[Row]:
    """Time of the training thread against that of other recorders."""
    rows = []
    for other, recorder in baselines.OTHERS.items():
        progress(f"{name}: {other}")
        with recorder(model) as record:
            theirs = median_of(record, 2 * runs)
        ratio = thread / statistics.median(theirs)
        rows.append(row(name, f"training thread, one snapshot / {other}", ratio, 1, f"against {spread(theirs)}"))
    return rows


def of_batches(runs: int) -> list[Row]:
    """What a batch costs in which no snapshot is due, against the training step of a small model."""
    hooks = batches_without_a_snapshot(500 * runs)
    steps = training_steps(torch.nn.Conv1d(1, 8, 31), 20 * runs)
    ratio = statistics.median(hooks) / statistics.median(steps)
    figure = "training thread, a batch without a snapshot by steps / a training step"
    return [row("8 x 1 x 31", figure, ratio, 0.01, f"{1e6 * statistics.median(hooks):.1f} us against {spread(steps)}")]


def of_observed(runs: int) -> list[Row]:
    """The first step of a fit, which is observed, against one that is not."""
    rows = []
    for name, make in {"M5": m5, "SincNet-like": sincnet}.items():
        progress(f"{name}: observed steps")
        observed, plain = observed_steps(make(), runs)
        ratio = statistics.median(observed) / statistics.median(plain)
        rows.append(row(name, "a training step that is observed / one that is not", ratio, 1.05,
                        f"{spread(observed)} against {spread(plain)}"))  # fmt: skip
    return rows


def of_loading(epochs: int, runs: int) -> list[Row]:
    """``load_history`` of a layer of 64 x 1 x 251 against a pass of TensorBoard's own reader over the file."""
    weights = np.random.default_rng(0).normal(size=(64, 1, 251))
    with tempfile.TemporaryDirectory() as directory:
        writer = SummaryWriter(directory)
        for epoch in range(epochs):
            blobs = blob.encode_snapshot(filterscope.FilterBank("conv", weights, epoch=epoch), 64, 0, epoch == 0, True)
            values = [summaries.filters("filters/conv/bank", blobs, blob.header_text(blobs[0]))]
            writer._get_file_writer().add_summary(Summary(value=values), epoch)
        writer.close()
        (path,) = Path(directory).iterdir()
        theirs = median_of(lambda: list(EventFileLoader(str(path)).Load()), runs)
        ours = median_of(lambda: filterscope.load_history(directory), runs)
    ratio = statistics.median(ours) / statistics.median(theirs)
    figure = f"`load_history`, {epochs} epochs / TensorBoard's own reader"
    return [row("64 x 1 x 251", figure, ratio, 1.3, f"{spread(ours)} against {spread(theirs)}")]


def of_drawing(runs: int) -> list[Row]:
    """A ``taps`` figure of 64 filters from scratch against a grid of 64 Axes."""
    weights = torch.randn(64, 1, 31)
    bank = filterscope.FilterBank("conv", weights.numpy())
    grid = median_of(lambda: baselines.one_grid(weights), runs, time.process_time)
    ours = median_of(lambda: filterscope.plot_taps(bank, reference=bank).figure.canvas.draw(), runs, time.process_time)
    ratio = statistics.median(ours) / statistics.median(grid)
    return [row("64 x 1 x 31", "CPU, `plot_taps` / 64 Axes", ratio, 1 / 8, f"{spread(ours)} against {spread(grid)}")]


def of_import(runs: int) -> list[Row]:
    """A fresh interpreter that imports the package against one that imports numpy."""

    def seconds(statement: str) -> float:
        program = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
        return float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)

    pairs = [(seconds("import filterscope"), seconds("import numpy")) for _ in range(runs)]
    ratio = statistics.median(ours / other for ours, other in pairs)
    return [row("-", "`import filterscope` / `import numpy`", ratio, 0.5, f"{1000 * pairs[0][0]:.0f} ms")]


def of_memory(few: int, many: int) -> list[Row]:
    """Peak memory of a long recording against a short one, each in a process of its own."""
    program = (
        "import resource, torch; from tests.benchmark.ours import Recording; "
        "Recording(torch.nn.Conv1d(1, 64, 251), {}); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )

    def peak(epochs: int) -> float:
        done = subprocess.run(
            [sys.executable, "-c", program.format(epochs)], capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    least, most = peak(few), peak(many)
    detail = f"MB: {least:.0f} and {most:.0f}"
    return [row("64 x 1 x 251", f"peak memory, {many} epochs less {few}", most - least, 20, detail)]


def of_wide_model() -> list[Row]:
    """Memory that a fit of a wide model takes more with the monitor than without, in copies of its weights."""
    full, bare, size = memory.cost("wide", "with"), memory.cost("wide", "without"), memory.weight_bytes("wide")
    detail = f"of {size / 1e6:.0f} MB, what is freed given back"
    peak, held = (full.peak - bare.peak) / size, (full.held - bare.held) / size
    return [
        row("wide", "memory of a fit, with less without / weights: peak", peak, 5, detail),
        row("wide", "memory of a fit, with less without / weights: after it", held, 1, detail),
    ]


def of_deep_model() -> list[Row]:
    """What a fit of a model of 61 layers takes more with the monitor than without."""
    full, bare = memory.cost("deep", "with"), memory.cost("deep", "without")
    detail = f"{full.written / 1e6:.0f} MB of event files"
    return [
        row("61 layers", "memory of a fit, with less without, MB", (full.peak - bare.peak) / 1e6, 120, detail),
        row("61 layers", "CPU of a fit, with less without, s", full.cpu - bare.cpu, 6, "12 epochs"),
        row("61 layers", "images of a fit", full.images, 400, "12 epochs"),
    ]


def row(model: str, figure: str, value: float, goal: float | None, detail: str) -> Row:
    """One line of the table; figures without a goal are only reported."""
    met = None if goal is None else value <= goal
    return {"model": model, "figure": figure, "value": value, "goal": goal, "met": met, "detail": detail}


def progress(what: str) -> None:
    """Say what is being measured."""
    print(f"... {what}", file=sys.stderr, flush=True)


def number(value: float) -> str:
    """Small ratios as fractions, which read better."""
    return f"1/{1 / value:.0f}" if 0 < value < 0.1 else f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description="what recording costs")
    parser.add_argument("--quick", action="store_true", help="the smallest setting")
    parser.add_argument("--fits", type=int, default=0, metavar="PAIRS", help="pairs of whole fits to run")
    parser.add_argument("--json", type=Path, help="where to save the figures")
    options = parser.parse_args(arguments)
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    np.random.default_rng(0)
    torch.manual_seed(0)
    quick = options.quick
    rows = [
        *of_drawing(1 if quick else 9),
        *of_import(2 if quick else 9),
        *of_batches(1 if quick else 9),
        *of_observed(1 if quick else 25),
    ]
    for name in ("tiny",) if quick else MODELS:
        rows += of_model(name, epochs=12 if quick else 100, runs=1 if quick else 3)
    if not quick:
        progress("memory")
        rows += of_memory(100, 1000) + of_wide_model() + of_deep_model()
    progress("loading")
    rows += of_loading(10 if quick else 1000, 1 if quick else 3)
    if options.fits:
        rows += fits.measure(options.fits, progress, row)
    print("| model | figure | measured | goal | met | detail |\n| --- | --- | --- | --- | --- | --- |")
    for each in rows:
        goal = "" if each["goal"] is None else number(each["goal"])
        met = {True: "yes", False: "no", None: ""}[each["met"]]
        cells = [each["model"], each["figure"], number(each["value"]), goal, met, each["detail"]]
        print("|", " | ".join(cells), "|")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
