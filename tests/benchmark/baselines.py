"""What people do otherwise: a bare copy, a histogram of every parameter, a subplot for every filter."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

MOST_FILTERS = 64


def convolutions(model: nn.Module) -> list[tuple[str, nn.Conv1d]]:
    """The layers that are recorded."""
    return [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv1d)]


def copy(model: nn.Module) -> list[torch.Tensor]:
    """The least that any recorder must do."""
    return [conv.weight.detach().clone() for _, conv in convolutions(model)]


def histograms(model: nn.Module, writer: SummaryWriter, step: int) -> None:
    """The usual loop over parameters."""
    for name, parameter in model.named_parameters():
        writer.add_histogram(name, parameter, step)


def subplots(model: nn.Module, writer: SummaryWriter, step: int) -> None:
    """The usual recipe: a grid of Axes per layer, first channel, at most 64 filters, and a histogram."""
    for name, conv in convolutions(model):
        weights = conv.weight.detach().cpu().numpy()[:MOST_FILTERS, 0]
        columns = 8
        figure, axes = plt.subplots(-(-len(weights) // columns), columns, figsize=(9, 9), squeeze=False)
        for axis, taps in zip(axes.flat, weights, strict=False):
            axis.plot(taps)
        writer.add_figure(f"{name}/filters", figure, step)
        writer.add_histogram(f"{name}/weights", conv.weight, step)


def one_grid(weights: torch.Tensor) -> None:
    """64 Axes for 64 filters, drawn but not written."""
    figure, axes = plt.subplots(8, 8, figsize=(9, 4.3))
    for axis, taps in zip(axes.flat, weights.numpy()[:, 0], strict=True):
        axis.plot(taps)
        axis.set(xticks=[], yticks=[])
    figure.canvas.draw()
    plt.close(figure)


@contextmanager
def ignite(model: nn.Module) -> Iterator[Callable[[], None]]:
    """One record of ignite's ``WeightsHistHandler``."""
    from ignite.engine import Engine, Events
    from ignite.handlers.tensorboard_logger import TensorboardLogger, WeightsHistHandler

    with tempfile.TemporaryDirectory() as directory, TensorboardLogger(log_dir=directory) as logger:
        engine, handler = Engine(lambda engine, batch: None), WeightsHistHandler(model)
        board: Any = logger  # declared as what it derives from
        yield lambda: handler(engine, board, Events.EPOCH_COMPLETED)


@contextmanager
def wandb(model: nn.Module) -> Iterator[Callable[[], None]]:
    """One record of ``wandb.watch``, offline: the forward hook that takes all parameters."""
    import wandb  # type: ignore[import-not-found,unused-ignore]  # of an extra of its own

    os.environ["WANDB_SILENT"] = "true"
    with tempfile.TemporaryDirectory() as directory:
        run = wandb.init(mode="offline", dir=directory, project="benchmark")
        before = {module: set(module._forward_hooks) for module in model.modules()}
        wandb.watch(model, log="parameters", log_freq=1)
        hooks = [
            (module, hook)
            for module, known in before.items()
            for number, hook in module._forward_hooks.items()
            if number not in known
        ]

        def record() -> None:
            for module, hook in hooks:
                hook(module, (), None)

        yield record
        wandb.unwatch(model)
        run.finish()


#: Other recorders, where they are installed (``pip install -e '.[benchmark]'``).
OTHERS = {name: record for name, record in {"ignite": ignite, "wandb": wandb}.items() if find_spec(name)}
