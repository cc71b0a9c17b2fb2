"""What is remembered of one layer during a fit: its reference, its last weights, and a thinned history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from filterscope.events.layers import step_of
from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.plots.overview import Course
from filterscope.plots.picture import Comparison, Kind, Options, Times

#: Snapshots that pictures of the whole history carry at most; more than the pixels of most tiles.
MOST_ROWS = 128


class _Moment(NamedTuple):
    """What a row of the history is of, with the whole layer's change and rotation then; NaN if undefined."""

    epoch: int
    step: int
    number: int
    change: float
    rotation: float


class Track:
    """One layer from its first snapshot on. Memory does not grow with epochs.

    Args:
        bank: The first snapshot, all filters.
        kinds: Pictures that are drawn of it.
        options: How they are drawn.
        reference: What to measure from, if not from the first snapshot.

    Attributes:
        reference: The first snapshot, or the first that is not all zero; monitored filters at least.
        latest: The newest snapshot.
    """

    def __init__(
        self,
        bank: FilterBank,
        kinds: Sequence[Kind],
        options: Options,
        reference: FilterBank | None = None,
    ) -> None:
        self.reference = reference or bank
        self.latest = bank
        self._sizes = metrics.norms(bank.weights)
        self._change = self._rotation = math.nan  # from the snapshot before the latest, and from the reference
        # That snapshot, its norms and rows, if it may come back.
        self._before: tuple[FilterBank, Array, dict[Kind, Array]] | None = None
        self._reference_sizes = self._sizes if reference is None else metrics.norms(reference.weights)
        self._options = options
        self._every, self._count = 1, 0
        self._is_begun = False  # a row from before a resume is no snapshot to measure a change from
        self._moments: list[_Moment] = []  # of each row
        self._rows: dict[Kind, list[Array]] = {kind: [] for kind in kinds if kind.row is not None}
        self._newest: dict[Kind, Array] = {}  # rows of the latest snapshot, be they kept or not

    @property
    def head(self) -> FilterBank:
        """The latest snapshot's monitored filters."""
        return self.latest.head(self._options.max_filters)

    @property
    def reference_head(self) -> FilterBank:
        """The reference's monitored filters."""
        return self.reference.head(self._options.max_filters)

    def fits(self, bank: FilterBank) -> bool:
        """Whether a bank continues this track; a resized layer begins a new one."""
        same_kind = bank.weights.dtype == self.latest.weights.dtype
        return bank.weights.shape == self.latest.weights.shape and same_kind

    def add(self, bank: FilterBank, change: float | None = None) -> None:
        """Take in a snapshot, all filters; the change of the first one may be known from before a resume."""
        sizes, before = metrics.norms(bank.weights), self._sizes
        known = math.nan if change is None else change
        self._change = metrics.change(bank.weights, self.latest.weights, before) if self._is_begun else known
        # Only what was taken within an epoch may be taken back; a large layer shall not be held once more for nothing.
        self._before = (self.latest, before, self._newest) if self._is_begun and bank.within_epoch else None
        self._is_begun, self.latest, self._sizes = True, bank, sizes
        if not self._reference_sizes.any() and self._sizes.any():
            self.reference, self._reference_sizes = bank, self._sizes
            zeros, count = np.zeros_like(self.reference_head.weights), len(self._moments)
            self._newest = {}  # what was remembered was of another reference
            self._rows = {kind: [row] * count for kind, row in self._compared(zeros, np.zeros(len(zeros)))}
        count, reference = len(self.reference.weights), self.reference.weights
        self._rotation = metrics.layer_rotation(bank.weights[:count], reference, sizes[:count], self._reference_sizes)
        self._drop_newest()
        self._remember(self.head, self._sizes, self._change, self._rotation)

    def take_back(self) -> None:
        """Forget the newest snapshot: another one of the same moment takes its place."""
        if self._before is None or not self._moments:
            return
        self.latest, self._sizes, self._newest = self._before
        self._before = None
        for rows in (self._moments, *self._rows.values()):
            del rows[-1]  # type: ignore[attr-defined]
        self._count -= 1

    def measures(self) -> dict[str, float]:
        """How the layer has changed, by card; NaN where that is undefined."""
        weights, sizes = self.latest.weights, self._sizes
        return {
            "rotation": self._rotation,
            "change": self._change,
            "rms": metrics.rms(weights, sizes),
            "dead": float(metrics.dead(weights, sizes=sizes).mean()),
        }

    def recall(self, bank: FilterBank, change: float | None) -> None:
        """Take in the monitored filters of a snapshot from before a resume: a row of the history, no more."""
        if bank.weights.shape == self.head.weights.shape and bank.weights.dtype == self.head.weights.dtype:
            sizes, reference = metrics.norms(bank.weights), self.reference_head.weights
            rotation = metrics.layer_rotation(bank.weights, reference, sizes, self._reference_sizes[: len(sizes)])
            self._drop_newest()
            self._remember(bank, sizes, math.nan if change is None else change, rotation)

    def _compared(self, weights: Array, sizes: Array) -> list[tuple[Kind, Array]]:
        """What each picture needs of the monitored filters, the norms of which come first in ``sizes``."""
        then, count = self.reference_head.weights, len(weights)
        numbers = weights, then, sizes[:count], self._reference_sizes[:count]
        return [
            (kind, kind.row(Comparison(*numbers, self.head.transposed, self._newest.get(kind)), self._options))
            for kind in self._rows
            if kind.row is not None
        ]

    def _remember(self, head: FilterBank, sizes: Array, change: float, rotation: float) -> None:
        """Keep what the histories show of monitored filters, the norms of which come first in ``sizes``."""
        compared = self._compared(head.weights, sizes)
        if not np.isfinite(sizes).all():
            change = rotation = math.inf
        self._moments.append(_Moment(head.epoch or 0, step_of(head), self._count, change, rotation))
        self._newest = dict(compared)
        for kind, row in compared:
            self._rows[kind].append(row)
        self._count += 1
        if len(self._moments) > MOST_ROWS:
            self._thin()

    def _drop_newest(self) -> None:
        """Drop the newest row, if it was kept only as such."""
        if self._moments and self._moments[-1].number % self._every:
            del self._moments[-1]
            for rows in self._rows.values():
                del rows[-1]

    def _thin(self) -> None:
        """Keep every other snapshot, and the newest."""
        self._every *= 2
        newest = len(self._moments) - 1
        kept = [*range(0, newest, 2), newest]
        self._moments = [self._moments[i] for i in kept]
        self._rows = {kind: [rows[i] for i in kept] for kind, rows in self._rows.items()}

    def __len__(self) -> int:
        return self._count

    def times(self, by_step: bool = False) -> Times:
        """Epochs, or steps, of the kept snapshots."""
        values = [moment.step if by_step else moment.epoch for moment in self._moments]
        return Times(np.array(values), "step" if by_step else "epoch")

    def course(self, by_step: bool = False) -> Course:
        """Change and rotation of the whole layer at the kept snapshots."""
        change, rotation = (np.array(each) for each in list(zip(*self._moments, strict=True))[3:])
        return Course(self.latest.layer, self.times(by_step).values, change, rotation)

    def rows(self, kind: Kind) -> list[Array]:
        """What a picture needs of each of them; nothing for one that shows a moment."""
        return self._rows.get(kind, [])
