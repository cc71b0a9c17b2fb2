"""One training of one model: what to read when, and whom to tell."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope.models.gather import is_sharded
from filterscope.recording.algebra import use_one_thread
from filterscope.recording.faults import Faults, harmless
from filterscope.recording.intake import Intake
from filterscope.recording.log import SnapshotLog
from filterscope.recording.observation import Observation
from filterscope.recording.opening import Opening
from filterscope.recording.past import PastRuns
from filterscope.recording.reading import Reading, same_weights
from filterscope.recording.resume import Past, seen_names
from filterscope.recording.schedule import Plan
from filterscope.recording.settings import Settings
from filterscope.recording.worker import Worker

_LOG = logging.getLogger("filterscope")


class Session:
    """Reads weights at epoch boundaries and hands them to a log on a thread of its own.

    Every rank of a distributed fit has a session, because reading a sharded model takes all of them; only the
    session of rank 0 records. In all methods ``model`` is as it is trained, wrapped or not, ``epoch`` counts epochs
    completed, and ``step`` is the position on the step axis.

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
        self._settings, self.faults = settings, Faults()
        self._worker = Worker(self.faults, prepare=use_one_thread)
        self._log: SnapshotLog | None = None
        if writers:
            earlier = None if before is None else before._log
            self._log = SnapshotLog(settings, writers, self.faults, earlier, self._worker.pause)
        runs = None if before is None else before._past
        self._past: PastRuns = PastRuns(settings.tag, self.faults.report, writers, runs)
        if state and writers:
            with self.faults.harmless("history"):
                self._past.find(state, checkpoint)
        self._plan = Plan(settings)
        self._ended: tuple[int, int] | None = None  # epoch and step of the last epoch's end
        self._start_step = self._before = 0  # of this fit, and of the last snapshot
        self._final: Reading | None = None
        self._awaits_drawing = False
        opening = Opening(settings, unobserved if writers else "another rank does", observed)
        self.intake = Intake(settings, model, self._log, self._worker, self._plan, self.faults, opening, say)
        self.intake.seen = () if state is None else seen_names(state)

    def is_of(self, model: nn.Module) -> bool:
        """Whether this was a session of the same model."""
        return self.intake.model() is model

    def plan(self, epochs: int | None, steps: int | None = None) -> None:
        """Decide which snapshots are milestones, see :meth:`Plan.update`; and again once more is known."""
        self._plan.update(epochs, steps)

    @harmless
    def begin(self, model: nn.Module) -> None:
        """Before the first batch of a training: the initial snapshot, at step 0."""
        self._first(model, 0, 0)

    @harmless
    def resume(self, model: nn.Module, epoch: int, step: int) -> None:
        """Before the first batch of a training that goes on: its weights are what to measure the next step from."""
        self._start_step = self._before = step
        if (log := self._log) is None:
            self.intake.read(model)
            return
        self._past.begin_at(step)
        self.intake.hold(
            self.intake.read(model),
            lambda reading: self._worker.submit(
                lambda: log.resume(epoch, step, reading, *self._past.recall(epoch, step)), reading.nbytes
            ),
        )

    @harmless
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

        ``number`` of them came before: with the planned total, that tells milestones. ``past`` is what is known from
        before, where a record goes on with this one.
        """
        self.intake.unwatch(for_good=False)  # what Ctrl-C cut short
        self.intake.release()
        self.draw_waiting()
        if self.intake.last is None:
            self._first(model, epoch, step, within_epoch, past, number)
        elif self.intake.take(model, epoch, step, within_epoch):
            self._awaits_drawing = self._plan.is_milestone(number)

    @harmless
    def end_last(self, model: nn.Module, epoch: int, step: int) -> None:
        """An epoch has ended at the step of the last snapshot, which stays if it holds the same weights."""
        if not self.intake.take(model, epoch, step, replaces=True):
            self._mark_end(epoch, step)

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
            self.intake.submit(epoch, step, reading, within_epoch)
            if number is None:
                self._draw()
            else:
                self._awaits_drawing = number == 0 or self._plan.is_milestone(number)

        self.intake.hold(self.intake.read_if_needed(model), submit)

    def tell_superseded(self) -> None:
        """Before a record begins: warn if there is an older one in its place. Event files take time to read."""
        if self._log is not None:
            self._worker.submit(self._past.tell_superseded)

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
        return self._past.state(self.intake.seen) if is_kept else {}

    @harmless
    def draw_waiting(self) -> None:
        """Training goes on, so that the last snapshot was not the final one: draw it, if it is a milestone."""
        if self._awaits_drawing:
            self._draw(between=True)

    @harmless
    def end_batch(self, model: nn.Module, epoch: int, step: int) -> None:
        """A snapshot within an epoch, where one is due by steps."""
        self.intake.take(model, epoch, step, within_epoch=True)
        self._awaits_drawing = self._plan.is_milestone_by_step(self._before, step)
        self._before = step

    @harmless
    def end_epoch(self, model: nn.Module, epoch: int, step: int) -> None:
        """A snapshot, if one is due. One by steps at this very step stays if it holds the same weights."""
        self.intake.watched(model)  # a batch that was skipped has had no end
        if step <= (self._start_step if self._ended is None else self._ended[1]):
            return  # an epoch without a step
        self._ended = epoch, step
        if not self.is_due(epoch):
            return
        stands_there = self.intake.last is not None and self.intake.last[0] == step
        if not self.intake.take(model, epoch, step, replaces=stands_there):
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

    @harmless
    def end_training(self, model: nn.Module) -> None:
        """Read a sharded model while its ranks can still talk; others are read when the fit has ended."""
        if is_sharded(model):
            self._final = self.intake.read(model)

    def finish(self, model: nn.Module | None = None) -> None:
        """The training has ended well: draw the last snapshot as the final one, and finish writing.

        The weights of a model that is given are logged once more, should they differ from the last snapshot's.
        """
        self.intake.unwatch()
        self.intake.release()
        if model is not None and self._ended is not None:
            self._log_final(model)
        if self.intake.last is not None and (self._ended is not None or model is None):
            self._draw("final")
        self.close()

    def fail(self, model: nn.Module | None = None, epoch: int = 0, step: int = 0, mark: str = "interrupted") -> None:
        """The training has ended badly: draw the last snapshot, with a mark before the moment, and finish writing.

        A model is given as for :meth:`finish`, unless to read it could hang: if other ranks would have to take part, or
        the device is gone.
        """
        self.intake.unwatch()
        self.intake.release()
        if self.intake.last is not None:
            if model is not None and not is_sharded(model):
                self._log_interrupted(model, epoch, step)
            self._draw(mark)
        self.close()

    @harmless
    def close(self) -> None:
        """Write all that was recorded."""
        self.intake.unwatch()
        self.intake.release()
        if (log := self._log) is not None:
            self._worker.submit(log.close)
        self._worker.close()
        self._final = None
        self.intake.forget()

    @harmless
    def _log_final(self, model: nn.Module) -> None:
        if self._log is None or self._ended is None:
            return
        reading = self._final or self.intake.read(model)
        epoch, step = self._ended
        last = self.intake.last
        if reading is not None and (last is None or last[0] < step or not same_weights(reading, last[1])):
            self.intake.submit(epoch, step, reading)
        else:
            self._mark_end(epoch, step)

    def _mark_end(self, epoch: int, step: int) -> None:
        """The last snapshot, if it was taken by steps at this very step, is that of the epoch's end too."""
        intake, log = self.intake, self._log
        if log is not None and intake.is_within and intake.last is not None and intake.last[0] == step:
            intake.is_within, reading = False, intake.last[1]
            self._worker.submit(lambda: log.mark_end(epoch, reading))

    @harmless
    def _log_interrupted(self, model: nn.Module, epoch: int, step: int) -> None:
        reading, last = self.intake.read(model), self.intake.last
        if reading is not None and last is not None and not same_weights(reading, last[1]):
            self.intake.submit(epoch, step, reading, within_epoch=True)

    @harmless
    def _draw(self, mark: str = "", between: bool = False) -> None:
        self._awaits_drawing = False
        if (log := self._log) is not None:
            self._worker.submit(lambda: log.milestone(mark, between))
