"""What is remembered of one layer during a fit: its reference, its last weights, and a thinned history."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from filterscope.filters import metrics
from filterscope.filters.bank import FilterBank
from filterscope.plots.drift import marked_rotation
from filterscope.plots.evolution import tap_rows

Array = npt.NDArray[Any]

#: Snapshots that ``evolution`` and ``drift`` carry at most; more than the pixels of most tiles.
MOST_ROWS = 128


class Track:
    """One layer from its first snapshot on. Memory does not grow with epochs.

    Args:
        bank: The first snapshot, all filters.
        channels: How ``evolution`` reduces channels.
        max_filters: How many filters the history covers.
        reference: What to measure from, if not from the first snapshot.

    Attributes:
        reference: The first snapshot, or the first that is not all zero; monitored filters at least.
        previous: The snapshot before the latest.
        latest: The newest snapshot.
    """

    def __init__(
        self,
        bank: FilterBank,
        channels: str = "auto",
        max_filters: int | None = None,
        reference: FilterBank | None = None,
    ) -> None:
        self.reference = reference or bank
        self.previous: FilterBank | None = None
        self.latest = bank
        self._sizes = self._previous_sizes = metrics.norms(bank.weights)
        self._reference_sizes = self._sizes if reference is None else metrics.norms(reference.weights)
        self._channels, self._max_filters = channels, max_filters
        self._every, self._count = 1, 0
        self._epochs: list[int] = []
        self._rows: list[Array] = []
        self._rotations: list[Array] = []

    @property
    def head(self) -> FilterBank:
        """The latest snapshot's monitored filters."""
        return self.latest.head(self._max_filters)

    @property
    def reference_head(self) -> FilterBank:
        """The reference's monitored filters."""
        return self.reference.head(self._max_filters)

    def fits(self, bank: FilterBank) -> bool:
        """Whether a bank continues this track; a resized layer begins a new one."""
        same_kind = bank.weights.dtype == self.latest.weights.dtype
        return bank.weights.shape == self.latest.weights.shape and same_kind

    def add(self, bank: FilterBank) -> None:
        """Take in a snapshot."""
        if self._count:
            self.previous, self._previous_sizes = self.latest, self._sizes
        self.latest, self._sizes = bank, metrics.norms(bank.weights)
        if not self._reference_sizes.any() and self._sizes.any():
            self.reference, self._reference_sizes = bank, self._sizes
            reference = self.reference_head.weights
            self._rows = [tap_rows(np.zeros_like(reference), reference, self._channels)] * len(self._rows)
        self._drop_newest()
        self._remember(self.head, self._sizes)

    def measures(self) -> dict[str, float]:
        """How the layer has changed, by card; NaN where that is undefined."""
        weights, sizes = self.latest.weights, self._sizes
        reference = self.reference.weights
        count = len(reference)
        rotation = metrics.layer_rotation(weights[:count], reference, sizes[:count], self._reference_sizes)
        before = None if self.previous is None else self.previous.weights
        return {
            "rotation": rotation,
            "change": math.nan if before is None else metrics.change(weights, before, self._previous_sizes),
            "rms": metrics.rms(weights, sizes),
            "dead": float(metrics.dead(weights, sizes=sizes).mean()),
        }

    def recall(self, bank: FilterBank) -> None:
        """Take in the monitored filters of a snapshot from before a resume: a row of the history, no more."""
        if bank.weights.shape == self.head.weights.shape and bank.weights.dtype == self.head.weights.dtype:
            self._drop_newest()
            self._remember(bank, metrics.norms(bank.weights))

    def _remember(self, head: FilterBank, sizes: Array) -> None:
        """Keep what the histories show of monitored filters, the norms of which come first in ``sizes``."""
        now, then = head.weights, self.reference_head.weights
        row = tap_rows(now, then, self._channels)
        rotation = marked_rotation(now, then, sizes[: len(now)], self._reference_sizes[: len(then)])
        self._epochs.append(head.epoch or 0)
        self._rows.append(row)
        self._rotations.append(rotation)
        self._count += 1
        if len(self._epochs) > MOST_ROWS:
            self._thin()

    def _drop_newest(self) -> None:
        """Drop the newest row, if it was kept only as such."""
        if self._epochs and (self._count - 1) % self._every:
            del self._epochs[-1], self._rows[-1], self._rotations[-1]

    def _thin(self) -> None:
        """Keep every other snapshot, and the newest."""
        self._every *= 2
        newest = len(self._epochs) - 1
        kept = [*range(0, newest, 2), newest]
        self._epochs = [self._epochs[i] for i in kept]
        self._rows = [self._rows[i] for i in kept]
        self._rotations = [self._rotations[i] for i in kept]

    def __len__(self) -> int:
        return self._count

    def epochs(self) -> Array:
        """Epochs of the kept snapshots: shape ``(E,)``."""
        return np.array(self._epochs)

    def rows(self) -> Array:
        """Rows of the evolution tiles: shape ``(filters, E, taps)``."""
        return np.stack(self._rows, axis=1)

    def rotations(self) -> Array:
        """Rotation of each monitored filter: shape ``(E, filters)``; infinite where weights are NaN or infinite."""
        return np.stack(self._rotations)
