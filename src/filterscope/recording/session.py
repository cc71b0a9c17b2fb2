"""One training of one model: what to read when, and whom to tell."""

from __future__ import annotations

import functools
import logging
import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec

from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope.models.gather import is_sharded
from filterscope.recording.algebra import use_one_thread
from filterscope.recording.log import SnapshotLog
from filterscope.recording.observation import Observation
from filterscope.recording.opening import Opening
from filterscope.recording.past import PastRuns
from filterscope.recording.reading import Reading, read, same_weights, warn_if_large
from filterscope.recording.resume import (
    Past,
    seen_names,
)
from filterscope.recording.schedule import Plan
from filterscope.recording.settings import Settings
from filterscope.recording.worker import Faults, Worker

_Args = ParamSpec("_Args")
_LOG = logging.getLogger("filterscope")


def _harmless(method: Callable[Concatenate[Session, _Args], None]) -> Callable[Concatenate[Session, _Args], None]:
    """Report what a method raises instead of raising it: training must not end for it."""

    @functools.wraps(method)
    def guarded(self: Session, /, *args: _Args.args, **kwargs: _Args.kwargs) -> None:
        with self.harmless(method.__name__):
            method(self, *args, **kwargs)

    return guarded


class Session:
    """Reads weights at epoch boundaries and hands them to a log on a thread of its own.

    Every rank of a distributed fit has a session, because reading a sharded model takes all of them; only the
    session of rank 0 records.

    Args:
        settings: What the user asked for.
        writers: TensorBoard writers; empty on all ranks but 0.
        model: The module whose layers are called by their names in it.
        before: The session of an earlier fit that this one goes on from.
        state: Of the checkpoint that this fit goes on from, see :meth:`state`.
        checkpoint: Where that is.
        say: Told of what is watched.
        unobserved: Why the first forward is not observed; ``None`` if it can be.
        observed: What a forward has told already.

    Raises:
        ValueError: A glob matches no layer.
    """

    def __init__(
        self,
        settings: Settings,
        writers: Sequence[SummaryWriter],
        model: nn.Module,
        before: Session | None = None,
        state: Mapping[str, Any] | None = None,
        checkpoint: str | os.PathLike[str] = "",
        say: Callable[[str], None] = _LOG.info,
        unobserved: str | None = None,
        observed: Observation | None = None,
    ) -> None:
        self._settings, self._say = settings, say
        self._model = weakref.ref(model)
        self._faults = Faults()
        self._worker = Worker(self._faults, prepare=use_one_thread)
        self._log: SnapshotLog | None = None
        if writers:
            earlier = None if before is None else before._log
            self._log = SnapshotLog(settings, writers, self._faults, earlier, self._worker.pause)
        runs = None if before is None else before._past
        self._past: PastRuns = PastRuns(settings.tag, self._faults.report, writers, runs)
        if state and writers:
            with self.harmless("history"):
                self._past.find(state, checkpoint)
        self._plan = Plan(settings)
        self._ended: tuple[int, int] | None = None  # epoch and step of the last epoch's end
        self._start_step = self._before = 0  # of this fit, and of the last snapshot
        self._last: tuple[int, Reading] | None = None  # the step given at the last snapshot, and its weights
        self._is_within = False  # whether that was within an epoch
        self._final: Reading | None = None
        self._awaits_drawing = False
        self._seen = () if state is None else seen_names(state)  # layers that only a forward tells of
        self._opening = Opening(settings, unobserved if writers else "another rank does", observed)

    @contextmanager
    def harmless(self, what: str) -> Iterator[None]:
        """Report what is raised inside, once for each ``what``: training must not end for it."""
        try:
            yield
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._faults.report(what, f"filterscope could not take a snapshot ({reason}); training goes on")

    def is_of(self, model: nn.Module) -> bool:
        """Whether this was a session of the same model."""
        return self._model() is model

    def plan(self, epochs: int | None, steps: int | None = None) -> None:
        """Decide which snapshots are milestones; at the beginning, and again once more is known.

        Args:
            epochs: Epochs, or other snapshots after the initial one, that are planned in all, if known.
            steps: Steps that are planned in all, if known; of use where snapshots are taken by steps.
        """
        self._plan.update(epochs, steps)

    @_harmless
    def begin(self, model: nn.Module) -> None:
        """Before the first batch of a training: the initial snapshot, at step 0.

        Args:
            model: As it is trained, wrapped or not; in all methods.
        """
        self._first(model, 0, 0)

    @_harmless
    def resume(self, model: nn.Module, epoch: int, step: int) -> None:
        """Before the first batch of a training that goes on: its weights are what to measure the next step from.

        Args:
            model: With the weights that it goes on from.
            epoch: Epochs completed.
            step: Position on the step axis.
        """
        self._start_step = self._before = step
        if (log := self._log) is None:
            self._read(model)
            return
        self._past.begin_at(step)
        self._hold(
            self._read(model),
            lambda reading: self._worker.submit(
                lambda: log.resume(epoch, step, reading, *self._past.recall(epoch, step)), reading.nbytes
            ),
        )

    @property
    def is_watching(self) -> bool:
        """Whether a forward shall be seen."""
        return not self._opening.is_over

    @_harmless
    def watch(self, model: nn.Module, args: Any = None, kwargs: Any = None) -> None:
        """Before a forward in training: see what it performs, if that is not known yet.

        Args:
            model: As it is trained.
            args: Of its own forward, where that has begun.
            kwargs: By name.
        """
        self._opening.enter(model, args, kwargs)

    def watched(self, model: nn.Module) -> None:
        """After it, before the weights change: what it told, and with it the snapshot that waited for it."""
        if self._opening.is_over:
            return
        with self.harmless("observation"):
            self._opening.learn(model)
            if (observed := self._opening.observed) is not None:
                self._seen = tuple(observed.layers)
        self._release(model)

    @_harmless
    def unwatch(self, for_good: bool = True) -> None:
        """The forward failed, or there will be none any more: what it did not tell is not known."""
        self._opening.leave(for_good)

    def _hold(self, reading: Reading | None, then: Callable[[Reading], None]) -> None:
        """Do with a first reading what is to be done, once the first forward has told what belongs to it."""
        self._release()
        self._opening.hold(reading, then)
        if self._opening.is_over:
            self._release()

    @_harmless
    def _release(self, model: nn.Module | None = None) -> None:
        model = self._model() if model is None else model
        if model is None:
            return
        self._opening.release(lambda known: self._read(model, known))
        if self._log is not None:
            words, warnings = self._opening.messages(model, None if self._last is None else self._last[1])
            if words:
                self._say(words)
            for warning in warnings:
                self._faults.report(warning, warning)

    @_harmless
    def snapshot(
        self,
        model: nn.Module,
        epoch: int,
        step: int,
        number: int,
        within_epoch: bool = False,
        past: Mapping[str, Past] | None = None,
    ) -> None:
        """A snapshot at any moment; one before it that waited to be drawn was not the final one.

        Args:
            model: As it is trained.
            epoch: Epochs completed.
            step: Position on the step axis.
            number: How many snapshots came before it: with the planned total, that tells milestones.
            within_epoch: Whether it is not of an epoch's end.
            past: What is known from before, where a record goes on with this snapshot.
        """
        self._opening.leave()  # what Ctrl-C cut short
        self._release()
        self.draw_waiting()
        if self._last is None:
            self._first(model, epoch, step, within_epoch, past, number)
        elif self._take(model, epoch, step, within_epoch):
            self._awaits_drawing = self._plan.is_milestone(number)

    def _first(
        self,
        model: nn.Module,
        epoch: int,
        step: int,
        within_epoch: bool = False,
        past: Mapping[str, Past] | None = None,
        number: int | None = None,
    ) -> None:
        """The first snapshot of a record, or the first after it went on; without a number it is drawn at once."""

        def submit(reading: Reading) -> None:
            if past and (log := self._log) is not None:
                self._worker.submit(lambda: log.recall(epoch, step, reading, past))
            self._submit(epoch, step, reading, within_epoch)
            if number is None:
                self._draw()
            else:
                self._awaits_drawing = number == 0 or self._plan.is_milestone(number)

        self._hold(self._read(model) if self._log is not None or is_sharded(model) else None, submit)

    def tell_superseded(self) -> None:
        """Before a record begins: warn if there is an older one in its place. Event files take time to read."""
        if self._log is not None:
            self._worker.submit(self._past.tell_superseded)

    def tell(self, message: str) -> None:
        """One warning of what is superseded."""
        self._faults.report("superseded", message)

    def is_on_its_thread(self) -> bool:
        """Whether the recording thread asks, which cannot wait for itself."""
        return self._worker.is_current()

    @property
    def writes(self) -> bool:
        """Whether it records, or only takes part in reading a sharded model."""
        return self._log is not None

    @property
    def directory(self) -> str:
        """Where it records."""
        return self._past.directory

    def state(self) -> dict[str, Any]:
        """Where a fit that goes on from here will find what was recorded: some hundred bytes."""
        is_kept = self._log is not None and self._settings.save_filters
        return self._past.state(self._seen) if is_kept else {}

    @_harmless
    def draw_waiting(self) -> None:
        """Training goes on, so that the last snapshot was not the final one: draw it, if it is a milestone."""
        if self._awaits_drawing:
            self._draw(between=True)

    @_harmless
    def end_batch(self, model: nn.Module, epoch: int, step: int) -> None:
        """A snapshot within an epoch, where one is due by steps.

        Args:
            model: As it is trained.
            epoch: Epochs completed before this one.
            step: The one that this batch brought.
        """
        self._take(model, epoch, step, within_epoch=True)
        self._awaits_drawing = self._plan.is_milestone_by_step(self._before, step)
        self._before = step

    @_harmless
    def end_epoch(self, model: nn.Module, epoch: int, step: int) -> None:
        """A snapshot, if one is due. One by steps at this very step stays if it holds the same weights."""
        self.watched(model)  # a batch that was skipped has had no end
        if step <= (self._start_step if self._ended is None else self._ended[1]):
            return  # an epoch without a step
        self._ended = epoch, step
        if not self.is_due(epoch):
            return
        stands_there = self._last is not None and self._last[0] == step
        if not self._take(model, epoch, step, replaces=stands_there):
            self._mark_end(epoch, step)
        elif not stands_there:
            plan = self._plan
            self._awaits_drawing = (
                plan.is_milestone_by_step(self._before, step) if plan.is_by_step else plan.is_milestone(epoch)
            )
            self._before = step

    def is_due(self, epoch: int) -> bool:
        """Whether a snapshot is taken at the end of an epoch."""
        return epoch % self._settings.every_n_epochs == 0

    @_harmless
    def end_training(self, model: nn.Module) -> None:
        """Read a sharded model while its ranks can still talk; others are read when the fit has ended."""
        if is_sharded(model):
            self._final = self._read(model)

    def finish(self, model: nn.Module | None = None) -> None:
        """The training has ended well: draw the last snapshot as the final one, and finish writing.

        Args:
            model: If given, its weights are logged once more, should they differ from the last snapshot's.
        """
        self.unwatch()
        self._release()
        if model is not None and self._ended is not None:
            self._log_final(model)
        if self._last is not None and (self._ended is not None or model is None):
            self._draw_last("final")
        self.close()

    def fail(self, model: nn.Module | None = None, epoch: int = 0, step: int = 0, mark: str = "interrupted") -> None:
        """The training has ended badly: draw the last snapshot as one of a training interrupted, finish writing.

        Args:
            model: If given, its weights are logged once more, should they differ from the last snapshot's. Reading
                them must not hang: not if other ranks would have to take part, or if the device is gone.
            epoch: Epochs completed.
            step: Position on the step axis.
            mark: What to say before the moment in the titles of the last images.
        """
        self.unwatch()
        self._release()
        if self._last is not None:
            if model is not None and not is_sharded(model):
                self._log_interrupted(model, epoch, step)
            self._draw_last(mark)
        self.close()

    @_harmless
    def close(self) -> None:
        """Write all that was recorded."""
        self.unwatch()
        self._release()
        if (log := self._log) is not None:
            self._worker.submit(log.close)
        self._worker.close()
        self._last = self._final = self._opening.observed = None  # which holds modules and inputs

    @_harmless
    def _log_final(self, model: nn.Module) -> None:
        if self._log is None or self._ended is None:
            return
        reading = self._final or self._read(model)
        epoch, step = self._ended
        last = self._last
        if reading is not None and (last is None or last[0] < step or not same_weights(reading, last[1])):
            self._submit(epoch, step, reading)
        else:
            self._mark_end(epoch, step)

    def _mark_end(self, epoch: int, step: int) -> None:
        """The last snapshot, if it was taken by steps at this very step, is that of the epoch's end too."""
        if self._last is not None and self._last[0] == step and self._is_within and (log := self._log) is not None:
            self._is_within, reading = False, self._last[1]
            self._worker.submit(lambda: log.mark_end(epoch, reading))

    @_harmless
    def _log_interrupted(self, model: nn.Module, epoch: int, step: int) -> None:
        reading = self._read(model)
        if reading is not None and self._last is not None and not same_weights(reading, self._last[1]):
            self._submit(epoch, step, reading, within_epoch=True)

    @_harmless
    def _draw_last(self, mark: str) -> None:
        self._draw(mark)

    def _take(
        self,
        model: nn.Module,
        epoch: int,
        step: int,
        within_epoch: bool = False,
        replaces: bool = False,
    ) -> bool:
        """Read and hand over; whether this was done. One that replaces the last snapshot differs from it."""
        self._release()
        reading = self._read(model) if self._log is not None or is_sharded(model) else None
        if reading is None or (replaces and self._last is not None and same_weights(reading, self._last[1])):
            return False
        self._submit(epoch, step, reading, within_epoch, replaces)
        return True

    def _read(self, model: nn.Module, known: Reading | None = None) -> Reading | None:
        """The model's weights on rank 0; ``None`` on other ranks, and where there are none yet.

        Args:
            model: As it is trained.
            known: What was read of it just now, before it was observed.
        """
        keep = self._log is not None
        if keep and self._last is not None:
            self._worker.wait_for_room(self._last[1].nbytes)
        reading, unreadable = read(
            model,
            self._settings,
            keep,
            self._opening.observed,
            None if known is None else known.banks,
            waits=not self._opening.is_over,
        )
        if keep:
            before = self._last[1].banks if self._last is not None else {}
            self._tell_missing(unreadable, [name for name in before if reading is None or name not in reading.banks])
        return reading

    def _tell_missing(self, unreadable: Mapping[str, str], gone: Sequence[str]) -> None:
        for reason in set(unreadable.values()):
            which = ", ".join(repr(name) for name, why in unreadable.items() if why == reason)
            self._faults.report(f"unreadable {which}", f"filterscope cannot read layer {which}: {reason}")
        for name in gone:
            if name not in unreadable:
                self._faults.report(
                    f"gone {name}", f"filterscope no longer finds layer {name!r}: its record stops here"
                )

    def _submit(
        self, epoch: int, step: int, reading: Reading, within_epoch: bool = False, replaces: bool = False
    ) -> None:
        if self._last is None:
            warn_if_large(reading, self._settings, self._plan.snapshots)
            if self._log is not None:
                self._plan.limit(self._log.affordable(reading))
        self._last, self._is_within = (step, reading), within_epoch
        if (log := self._log) is not None:
            self._worker.submit(lambda: log.snapshot(epoch, step, reading, within_epoch, replaces), reading.nbytes)

    def _draw(self, mark: str = "", between: bool = False) -> None:
        self._awaits_drawing = False
        if (log := self._log) is not None:
            self._worker.submit(lambda: log.milestone(mark, between))
