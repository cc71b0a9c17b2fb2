"""The monitor's own work, piece by piece, without a Trainer around it."""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope import Conv1dFilterMonitor, FilterRecorder
from filterscope.recording.opening import Opening
from filterscope.recording.session import Session
from filterscope.recording.settings import Settings

#: Why these sessions await no forward.
IDLE = "it never runs"


def sizes_of_images(directory: str) -> Iterator[int]:
    """Bytes of every image in a directory's event files."""
    for path in Path(directory).rglob("events.out.tfevents.*"):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "images":
                    yield len(value.tensor.string_val[2])


def step_at_random(model: nn.Module) -> None:
    """What training would do to the weights, in no time."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() > 1:
                parameter.add_(0.01 * parameter.std() * torch.randn_like(parameter))


def drained(session: Session) -> None:
    """Wait until a session's thread has done all that is queued."""
    if session._worker._thread is not None:
        done = threading.Event()
        session._worker.submit(done.set)
        done.wait()


def hooks_and_recorders(model: nn.Module, epochs: int) -> tuple[list[float], list[float]]:
    """Seconds of the calling thread in epochs without images, in turn: the hook, ``FilterRecorder.snapshot``."""
    hooks, recorders = [], []
    gc.collect()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        writer = SummaryWriter(one)
        session, recorder = (
            Session(Settings(), [writer], model, unobserved=IDLE),
            FilterRecorder(model, other, total=epochs + 1),
        )
        session.plan(epochs)
        session.begin(model)
        recorder.snapshot(0)
        for epoch in range(1, epochs + 1):
            assert recorder._session is not None
            drained(session)
            drained(recorder._session)
            step_at_random(model)
            awaited, begin = session._awaits_drawing, time.perf_counter()
            session.draw_waiting()
            session.end_epoch(model, epoch, epoch)
            between = time.perf_counter()
            drained(session)
            again = time.perf_counter()
            recorder.snapshot(epoch)
            if not awaited:
                hooks.append(between - begin)
                recorders.append(time.perf_counter() - again)
        session.finish(model)
        recorder.close()
        writer.close()
    return hooks, recorders


def batches_without_a_snapshot(count: int) -> list[float]:
    """Seconds that the callback's hooks take around a batch of a fit by steps, where no snapshot is due."""
    monitor = Conv1dFilterMonitor(every_n_train_steps=10**9)
    loop = SimpleNamespace(_batches_that_stepped=0, _should_accumulate=lambda: False)
    trainer: Any = SimpleNamespace(
        global_step=0, current_epoch=0, fit_loop=SimpleNamespace(epoch_loop=loop), model=None
    )
    model, seconds = nn.Conv1d(1, 1, 3), []
    monitor._session, monitor._step = Session(monitor.settings, [], model), 0
    for step in range(count):
        loop._batches_that_stepped = step
        begin = time.perf_counter()
        monitor.on_train_batch_start(trainer, model, None, step)
        monitor.on_train_batch_end(trainer, model, None, None, step)
        seconds.append(time.perf_counter() - begin)
    return seconds


def observed_steps(model: nn.Module, count: int) -> tuple[list[float], list[float]]:
    """Seconds of training steps by turns: the first of a fit, which is observed, and one that is not."""
    observed: list[float] = []
    plain: list[float] = []
    series = torch.randn(64, 1, 3200)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    for number in range(2 * count + 2):
        opening = Opening(Settings(), None, None)
        begin = time.perf_counter()
        optimizer.zero_grad()
        if number % 2:
            opening.enter(model)
        loss = model(series).square().mean()
        if number % 2:
            opening.learn(model)
        loss.backward()
        optimizer.step()
        (observed if number % 2 else plain).append(time.perf_counter() - begin)
    return observed[1:], plain[1:]


def training_steps(model: nn.Module, count: int) -> list[float]:
    """Seconds of a training step of a model on a batch of 16 series of 1000 samples."""
    series, seconds = torch.randn(16, 1, 1000), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    for _ in range(count):
        begin = time.perf_counter()
        optimizer.zero_grad()
        model(series).square().mean().backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    return seconds


class Recording:
    """A fit of a given number of epochs in which nothing happens but small random steps and snapshots.

    Attributes:
        thread: Seconds that the training thread spent in each hook of an epoch without images.
        milestone_thread: The same at milestones, handing over the images included.
        milestones: CPU seconds of each milestone, the first one with all set-up.
        cpu: CPU seconds of everything.
        bytes: Size of the event files.
        image_bytes: Size of each image.
    """

    def __init__(self, model: nn.Module, epochs: int, images: bool = True, save_filters: bool = True) -> None:
        self.thread: list[float] = []
        self.milestone_thread: list[float] = []
        self.milestones: list[float] = []
        self.cpu = 0.0
        gc.collect()  # the garbage of what ran before is not ours, nor is ours that of what comes next
        with tempfile.TemporaryDirectory() as directory:
            writer = SummaryWriter(directory)
            settings = Settings(plots=Settings.plots if images else (), save_filters=save_filters)
            self._session = Session(settings, [writer], model, unobserved=IDLE)
            self._run(model, epochs)
            writer.close()
            self.bytes = sum(path.stat().st_size for path in Path(directory).iterdir())
            self.image_bytes = list(sizes_of_images(directory))

    def _run(self, model: nn.Module, epochs: int) -> None:
        session = self._session
        self.milestones.append(self._measured(lambda: (session.plan(epochs), session.begin(model))))
        for epoch in range(epochs):
            step_at_random(model)
            cpu = self._measured(partial(session.end_epoch, model, epoch + 1, epoch + 1))
            drawn = session._awaits_drawing
            hooks = self._hook
            cpu += self._measured(session.draw_waiting)
            hooks += self._hook
            (self.milestone_thread if drawn else self.thread).append(hooks)
            if drawn:
                self.milestones.append(cpu)
        self.milestones.append(self._measured(lambda: session.finish(model)))

    def _measured(self, hook: Callable[[], object]) -> float:
        """CPU seconds of a hook and of all that it queues; its own wall time is left in ``_hook``."""
        cpu, wall = time.process_time(), time.perf_counter()
        hook()
        self._hook = time.perf_counter() - wall
        drained(self._session)
        spent = time.process_time() - cpu
        self.cpu += spent
        return spent
