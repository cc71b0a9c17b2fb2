"""One fit of one Trainer: what to read when, and whom to tell."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope.bank import FilterBank
from filterscope.gather import gather, is_sharded
from filterscope.layers import FilterLayer, find_layers, sample_rates, select
from filterscope.record import Recorder, Snapshot
from filterscope.schedule import milestones, planned_epochs
from filterscope.settings import Settings
from filterscope.worker import Faults, Worker


class Session:
    """Takes snapshots at epoch boundaries and hands them to a recorder on a thread of its own.

    Every rank of a distributed fit has a session, because reading a sharded model takes all of them; only the
    session of rank 0 records.

    Args:
        settings: What the user asked for.
        writers: TensorBoard writers; empty on all ranks but 0.
        model: The LightningModule.
        before: The session of an earlier fit that this one goes on from.

    Raises:
        ValueError: A glob matches no layer.
    """

    def __init__(
        self, settings: Settings, writers: Sequence[SummaryWriter], model: nn.Module, before: Session | None = None
    ) -> None:
        self._settings = settings
        self._faults = Faults()
        earlier: Recorder | None = before._recorder if before is not None else None
        self._recorder: Recorder | None = Recorder(settings, writers, self._faults, earlier) if writers else None
        self._worker = Worker(self._faults)
        self._is_milestone = milestones(None)
        self._last_epoch_end: tuple[int, int] | None = None
        self._last: Snapshot | None = None
        self._awaits_drawing = False
        self._final_banks: Mapping[str, FilterBank] | None = None
        self._chosen(model)

    def start(self, trainer: Any, model: nn.Module) -> None:
        """Before the first batch: the initial snapshot, or on resuming the weights to measure from."""
        per_epoch = trainer.num_training_batches / trainer.accumulate_grad_batches
        total = planned_epochs(trainer.max_epochs, trainer.max_steps, np.ceil(per_epoch))
        settings = self._settings
        self._is_milestone = milestones(total, settings.every_n_epochs, settings.plot_every_n_epochs)
        self._start_step = step = current_step(trainer)
        if trainer.global_step == 0:
            self._take(trainer, model, 0, step)
            self._draw()
        else:
            banks = self._read(trainer, model)
            if self._recorder is not None and banks:
                snapshot = Snapshot.of(trainer.current_epoch, step, banks)
                recorder = self._recorder
                self._worker.submit(lambda: recorder.adopt(snapshot))

    def begin_epoch(self) -> None:
        """The last snapshot was not the final one: draw it, if it is a milestone."""
        if self._awaits_drawing:
            self._draw()

    def end_epoch(self, trainer: Any, model: nn.Module) -> None:
        """A snapshot, if one is due."""
        epoch, step = trainer.current_epoch + 1, current_step(trainer)
        seen = self._start_step if self._last_epoch_end is None else self._last_epoch_end[1]
        if step <= seen:  # an epoch's end that a checkpoint replays, or an epoch without a step
            return
        self._last_epoch_end = epoch, step
        if epoch % self._settings.every_n_epochs == 0:
            self._take(trainer, model, epoch, step)
            self._awaits_drawing = self._is_milestone(epoch)

    def end_training(self, trainer: Any, model: nn.Module) -> None:
        """Read a sharded model while its ranks can still talk; others are read when the fit has ended."""
        if is_sharded(trainer.model):
            self._final_banks = self._read(trainer, model)

    def finish(self, trainer: Any, model: nn.Module) -> None:
        """The fit has ended well: log the final weights, once, and finish writing."""
        if self._recorder is not None and self._last_epoch_end is not None:
            banks = self._final_banks if self._final_banks is not None else self._read(trainer, model)
            epoch, step = self._last_epoch_end
            if self._last is None or self._last.step < step:
                self._record(trainer, model, epoch, step, banks)
            elif not same_weights(banks, self._last.banks):
                self._record(trainer, model, epoch, step + 1, banks)
            self._draw(final=True)
        self.close()

    def fail(self) -> None:
        """The fit has ended badly: draw the last snapshot, finish writing. Reading the model now could hang."""
        if self._last is not None:
            self._draw()
        self.close()

    def close(self) -> None:
        """Write all that was recorded."""
        recorder, self._last, self._final_banks = self._recorder, None, None
        if recorder is not None:
            self._worker.submit(recorder.release)
            self._worker.submit(recorder.flush)
        self._worker.close()

    def _chosen(self, model: nn.Module) -> tuple[list[FilterLayer], dict[str, float | None]]:
        found = {layer.name: layer for layer in find_layers(model)}
        names = select({name: layer.taps for name, layer in found.items()}, self._settings.layers)
        return [found[name] for name in names], sample_rates(names, self._settings.sample_rate)

    def _read(self, trainer: Any, model: nn.Module) -> dict[str, FilterBank]:
        layers, rates = self._chosen(model)
        keep = self._recorder is not None
        gathered = gather(layers, rates, wrapped=trainer.model, keep=keep)
        for name, reason in gathered.unreadable.items():
            if keep:
                self._faults.report(f"unreadable {name}", f"filterscope cannot read layer {name!r}: {reason}")
        return gathered.banks

    def _take(self, trainer: Any, model: nn.Module, epoch: int, step: int) -> None:
        if self._recorder is not None or is_sharded(trainer.model):
            self._record(trainer, model, epoch, step, self._read(trainer, model))

    def _record(self, trainer: Any, model: nn.Module, epoch: int, step: int, banks: Mapping[str, FilterBank]) -> None:
        recorder = self._recorder
        if recorder is None or not banks:
            return
        layers, rates = self._chosen(model)
        unclear = frozenset(layer.name for layer in layers if not layer.is_temporal and rates[layer.name] is None)
        self._last = snapshot = Snapshot.of(epoch, step, banks, unclear)
        self._worker.submit(lambda: recorder.snapshot(snapshot))

    def _draw(self, final: bool = False) -> None:
        self._awaits_drawing = False
        recorder = self._recorder
        if recorder is not None:
            self._worker.submit(lambda: recorder.milestone(final))


def current_step(trainer: Any) -> int:
    """The step that Lightning's own loggers use: batches that stepped, whatever the number of optimisers."""
    try:
        return int(trainer.fit_loop.epoch_loop._batches_that_stepped)
    except AttributeError:
        return int(trainer.global_step)


def same_weights(banks: Mapping[str, FilterBank], others: Mapping[str, FilterBank]) -> bool:
    """Whether two readings are equal to the last bit."""
    return banks.keys() == others.keys() and all(
        np.array_equal(bank.weights, others[name].weights, equal_nan=True) for name, bank in banks.items()
    )


def warn_without_layers(model: nn.Module, layers: str | Sequence[str] | None) -> None:
    """One warning for a model in which nothing is to be monitored."""
    found = find_layers(model)
    if not select({layer.name: layer.taps for layer in found}, layers):
        hint = " with more than one tap; layers='*' takes pointwise ones too" if found else ""
        warnings.warn(
            f"Conv1dFilterMonitor found no 1-D filters{hint} in {type(model).__name__}: nothing to log", stacklevel=3
        )
