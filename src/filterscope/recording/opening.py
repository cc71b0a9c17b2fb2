"""The beginning of a record, which waits for the first forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from filterscope.filters.words import plural
from filterscope.models.observe import Observer
from filterscope.recording.observation import Observation, observation
from filterscope.recording.reading import Reading, missing
from filterscope.recording.settings import Settings

#: Batches that are observed at most, until one convolves.
_BATCHES = 4


class Opening:
    """The first reading of a record is held until a forward has told what belongs to it, or cannot any more.

    Args:
        settings: What the user asked for.
        unobserved: Why no forward is observed; ``None`` if one can be.
        observed: What a forward has told already.

    Attributes:
        observed: What a forward has told.
    """

    def __init__(self, settings: Settings, unobserved: str | None, observed: Observation | None) -> None:
        self._settings, self._unobserved = settings, unobserved
        self.observed = observed
        self._left = 0 if unobserved is not None or observed is not None else _BATCHES
        self._observer: Observer | None = None
        self._held: tuple[Reading | None, Callable[[Reading], None]] | None = None
        self._is_released = self._is_told = False

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be observed any more."""
        return not self._left and self._observer is None

    def enter(self, model: nn.Module, args: Any = None, kwargs: Any = None) -> None:
        """A batch begins, or the model's own forward with these arguments."""
        if self._left and self._observer is None:
            self._left -= 1
            self._observer = Observer(model).__enter__()
            if args is not None:
                self._observer.begin(model, args, kwargs)

    def leave(self, for_good: bool = False) -> Observer | None:
        """The weights are about to change, or the forward failed: nothing is observed from here on."""
        observer, self._observer = self._observer, None
        self._left = 0 if for_good else self._left
        if observer is not None:
            observer.leave()
        return observer

    def learn(self, model: nn.Module) -> None:
        """The same, where the forward did not fail and the model is as it was in it."""
        observer = self.leave()
        if observer is not None and (performed := observer.performed):
            self._left = 0
            self.observed = replace(observation(model, self._settings, performed), fault=observer.fault)

    def hold(self, reading: Reading | None, then: Callable[[Reading], None]) -> None:
        """Keep a first reading, and what to do with it."""
        self._held = reading, then

    def release(self, again: Callable[[Reading | None], Reading | None]) -> None:
        """Do what was to be done with a reading that is held; ``again`` adds to it what a forward has told."""
        if self._held is None:
            return
        (reading, then), self._held = self._held, None
        self._is_released = True
        try:
            if self.observed is not None:
                reading = again(reading)
        finally:  # what was read is recorded, even if the rest cannot be
            if reading is not None:
                then(reading)

    def messages(self, model: nn.Module, reading: Reading | None) -> tuple[str, list[str]]:
        """Once all is known: which layers are watched, and what to warn of; nothing twice."""
        if self._is_told or self._left or not self._is_released:
            return "", []
        self._is_told = True
        words = ""
        if reading is not None:
            words = f"filterscope watches {plural(len(reading.banks), 'layer')}: {', '.join(reading.banks)}"
            if self._unobserved is not None:
                words += f"; what other modules convolve with is not looked for: {self._unobserved}"
        said = [] if self.observed is None else self.observed.messages()
        return words, [*said, *missing(model, self._settings, self.observed)]
