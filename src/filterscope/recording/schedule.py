"""Milestones: the epochs at which images are logged."""

from __future__ import annotations

import math
from collections.abc import Callable

from filterscope.recording.settings import Settings

#: Images that stock TensorBoard keeps per tag.
IMAGES_PER_TAG = 10
#: Images that a fit logs, unless its initial and final ones alone are more.
IMAGES_PER_FIT = 400
#: Milestones between the initial and the final one.
BETWEEN = IMAGES_PER_TAG - 2


def affordable(initial: int, later: int) -> int:
    """How many milestones between the initial and the final one a fit has images for: from 1, in the middle, to 8.

    Their numbers at the initial snapshot and at each later one tell.
    """
    return max(1, min((IMAGES_PER_FIT - initial - later) // later, BETWEEN)) if later else BETWEEN


def milestones(
    total_epochs: int | None,
    every_n_epochs: int = 1,
    plot_every_n_epochs: int | None = None,
    most: int = BETWEEN,
) -> Callable[[int], bool]:
    """Decide which snapshots get images, besides the initial and the final one, which always do.

    By default the initial, the final and at most eight snapshots between them: geometrically spaced, because
    filters change fastest early, and so few that stock TensorBoard shows every one of them. Where fewer are
    affordable, they are some of these.

    Args:
        total_epochs: Epochs that the fit is planned to take; ``None`` if unknown: then at powers of four.
        every_n_epochs: Snapshot cadence. A milestone between two snapshots moves to the later one.
        plot_every_n_epochs: Images at every multiple of this number instead.
        most: How many are affordable between the initial and the final one.

    Returns:
        A predicate on the epoch (epochs completed) of a snapshot.
    """

    def next_snapshot(epoch: int) -> int:
        return -(-epoch // every_n_epochs) * every_n_epochs

    if plot_every_n_epochs is not None:
        # An epoch is a milestone if a multiple of the plot cadence lies after the previous snapshot.
        return lambda epoch: epoch // plot_every_n_epochs > (epoch - every_n_epochs) // plot_every_n_epochs
    if total_epochs is None:
        spaced = {next_snapshot(4**power) for power in range(BETWEEN)}
    else:
        ratio = max(total_epochs / every_n_epochs, 1.0) ** (1 / BETWEEN)
        spaced = {next_snapshot(round(every_n_epochs * ratio**power)) for power in range(BETWEEN)}
    return _thinned(spaced, total_epochs, most).__contains__


def milestones_by_step(total_steps: int | None, every_n_steps: int, most: int = BETWEEN) -> Callable[[int, int], bool]:
    """The same for snapshots that are taken by steps, and at epochs' ends beside them.

    Returns:
        A predicate on the step of the snapshot before, and of this one: a milestone between them moves to this one.
    """
    ratio = 4.0 if total_steps is None else max(total_steps / every_n_steps, 1.0) ** (1 / BETWEEN)
    spaced = {round(every_n_steps * ratio**power) for power in range(BETWEEN)}
    chosen = _thinned(spaced, total_steps, most)
    return lambda before, now: any(before < step <= now for step in chosen)


def _thinned(spaced: set[int], total: int | None, most: int) -> list[int]:
    """Of moments between the initial and the final one as many as are affordable, evenly from all of them."""
    chosen = sorted(moment for moment in spaced if total is None or moment < total)
    if total is None:  # the end may come soon
        chosen = chosen[: max(most, BETWEEN // 2)]
    count = min(most, len(chosen))
    return [chosen[(2 * i + 1) * len(chosen) // (2 * count)] for i in range(count)]


class Plan:
    """Which snapshots of a record are milestones, as far as is known by now.

    Args:
        settings: Have the cadences.

    Attributes:
        snapshots: How many there will be after the initial one; ``None`` if unknown.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._most = BETWEEN
        self.update(None)

    def update(self, epochs: int | None, steps: int | None = None) -> None:
        """Take in what is planned, if known: epochs, or other snapshots after the initial one; and steps."""
        settings, self._totals = self._settings, (epochs, steps)
        self.is_milestone = milestones(epochs, settings.every_n_epochs, settings.plot_every_n_epochs, self._most)
        self.snapshots = None if epochs is None else epochs / settings.every_n_epochs
        self._by_step: Callable[[int, int], bool] | None = None
        if (every := settings.every_n_train_steps) is not None:
            self.snapshots = None if steps is None else (self.snapshots or 0) + steps / every
            if settings.plot_every_n_epochs is None:
                self._by_step = milestones_by_step(steps, every, self._most)

    def limit(self, most: int) -> None:
        """So many milestones are affordable between the initial and the final one, now that the layers are known."""
        self._most = most
        self.update(*self._totals)

    @property
    def is_by_step(self) -> bool:
        """Whether steps decide at epochs' ends, too."""
        return self._by_step is not None

    def is_milestone_by_step(self, before: int, now: int) -> bool:
        """Whether one lies between the snapshot before and this one; none where steps do not decide."""
        return self._by_step is not None and self._by_step(before, now)


def planned_steps(max_epochs: int | None, max_steps: int, steps_per_epoch: float, per_batch: float) -> int | None:
    """Steps on the loggers' axis that a fit will take at most; ``None`` if nothing bounds it.

    Args:
        max_epochs: The trainer's limit; ``None`` or -1 for none.
        max_steps: The trainer's limit of optimiser steps; -1 for none.
        steps_per_epoch: Batches that step per epoch; infinity if the data has no end.
        per_batch: Optimiser steps of each: as many as there are optimisers.
    """
    limits: list[float] = []
    if max_epochs is not None and max_epochs >= 0:
        limits.append(max_epochs * steps_per_epoch if max_epochs else 0)
    if max_steps >= 0:
        limits.append(-(-max_steps // per_batch))
    least = min(limits, default=math.inf)
    return int(least) if math.isfinite(least) else None


def planned_epochs(max_epochs: int | None, max_steps: int, steps_per_epoch: float, per_batch: float = 1) -> int | None:
    """Epochs that a fit will take at most; arguments as for :func:`planned_steps`, ``None`` as there."""
    limits = []
    if max_epochs is not None and max_epochs >= 0:
        limits.append(max_epochs)
    if max_steps >= 0 and 0 < steps_per_epoch < math.inf:
        limits.append(int(-(-max_steps // per_batch // steps_per_epoch)))
    return min(limits) if limits else None
