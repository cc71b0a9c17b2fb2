"""A model's readings in their order, on the way to the thread that records them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from filterscope.models.gather import is_sharded
from filterscope.recording.faults import Faults, harmless
from filterscope.recording.log import SnapshotLog
from filterscope.recording.opening import Opening
from filterscope.recording.reading import Reading, read, same_weights, warn_if_large
from filterscope.recording.schedule import Plan
from filterscope.recording.settings import Settings
from filterscope.recording.worker import Worker


class Intake:
    """Reads a model and hands what it holds to a log; the first reading once a forward has told what belongs to it.

    Args:
        settings: What the user asked for.
        model: The module whose layers are called by their names in it.
        log: Where readings go; ``None`` on ranks that only take part in reading a sharded model.
        worker: The thread of the log.
        plan: Told how many images the log can afford.
        faults: Told of what cannot be read.
        opening: What a forward is to tell.
        say: Told of what is watched.

    Attributes:
        last: The step given at the last snapshot, and its weights.
        is_within: Whether that was within an epoch.
        seen: Names of layers that only a forward tells of.
    """

    def __init__(
        self,
        settings: Settings,
        model: nn.Module,
        log: SnapshotLog | None,
        worker: Worker,
        plan: Plan,
        faults: Faults,
        opening: Opening,
        say: Callable[[str], None],
    ) -> None:
        self._settings, self._log, self._worker, self._plan = settings, log, worker, plan
        self.faults, self._opening, self._say = faults, opening, say
        self.model = weakref.ref(model)
        self.last: tuple[int, Reading] | None = None
        self.is_within = False
        self.seen: Sequence[str] = ()

    @property
    def is_watching(self) -> bool:
        """Whether a forward shall be seen."""
        return not self._opening.is_over

    @harmless
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
        with self.faults.harmless("observation"):
            self._opening.learn(model)
            if (observed := self._opening.observed) is not None:
                self.seen = tuple(observed.layers)
        self.release(model)

    @harmless
    def unwatch(self, for_good: bool = True) -> None:
        """The forward failed, or there will be none any more: what it did not tell is not known."""
        self._opening.leave(for_good)

    def hold(self, reading: Reading | None, then: Callable[[Reading], None]) -> None:
        """Do with a first reading what is to be done, once the first forward has told what belongs to it."""
        self.release()
        self._opening.hold(reading, then)
        if self._opening.is_over:
            self.release()

    @harmless
    def release(self, model: nn.Module | None = None) -> None:
        """Do now what is to be done with a reading that is held."""
        model = self.model() if model is None else model
        if model is None:
            return
        self._opening.release(lambda known: self.read(model, known))
        if self._log is not None:
            words, warnings = self._opening.messages(model, None if self.last is None else self.last[1])
            if words:
                self._say(words)
            for warning in warnings:
                self.faults.report(warning, warning)

    def take(self, model: nn.Module, epoch: int, step: int, within_epoch: bool = False, replaces: bool = False) -> bool:
        """Read and hand over; whether this was done. One that replaces the last snapshot differs from it."""
        self.release()
        reading = self.read_if_needed(model)
        if reading is None or (replaces and self.last is not None and same_weights(reading, self.last[1])):
            return False
        self.submit(epoch, step, reading, within_epoch, replaces)
        return True

    def read_if_needed(self, model: nn.Module) -> Reading | None:
        """The model's weights, unless neither this rank nor another wants them."""
        return self.read(model) if self._log is not None or is_sharded(model) else None

    def read(self, model: nn.Module, known: Reading | None = None) -> Reading | None:
        """The model's weights on rank 0; ``None`` on other ranks, and where there are none yet.

        What is known was read of it just now, before it was observed.
        """
        keep = self._log is not None
        if keep and self.last is not None:
            self._worker.wait_for_room(self.last[1].nbytes)
        reading, unreadable = read(
            model,
            self._settings,
            keep,
            self._opening.observed,
            None if known is None else known.banks,
            waits=not self._opening.is_over,
        )
        if keep:
            before = self.last[1].banks if self.last is not None else {}
            self._tell_missing(unreadable, [name for name in before if reading is None or name not in reading.banks])
        return reading

    def _tell_missing(self, unreadable: Mapping[str, str], gone: Sequence[str]) -> None:
        for reason in set(unreadable.values()):
            which = ", ".join(repr(name) for name, why in unreadable.items() if why == reason)
            self.faults.report(f"unreadable {which}", f"filterscope cannot read layer {which}: {reason}")
        for name in gone:
            if name not in unreadable:
                self.faults.report(f"gone {name}", f"filterscope no longer finds layer {name!r}: its record stops here")

    def submit(
        self, epoch: int, step: int, reading: Reading, within_epoch: bool = False, replaces: bool = False
    ) -> None:
        """Hand a reading over."""
        if self.last is None:
            warn_if_large(reading, self._settings, self._plan.snapshots)
            if self._log is not None:
                self._plan.limit(self._log.affordable(reading))
        self.last, self.is_within = (step, reading), within_epoch
        if (log := self._log) is not None:
            self._worker.submit(lambda: log.snapshot(epoch, step, reading, within_epoch, replaces), reading.nbytes)

    def forget(self) -> None:
        """Let go of what holds weights, modules and inputs."""
        self.last = self._opening.observed = None
