"""Histories: the filters of one layer over the epochs of a training run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank, require_bank, size
from filterscope.filters.checks import check_share, require
from filterscope.filters.words import plural

#: A relative difference of recorded weights below this may be nothing but their rounding to float16.
ROUNDED = 2e-3


class FilterHistory:
    """One layer's filters over the epochs of a run.

    Args:
        banks: Snapshots in the order in which they were taken, all of one layer, shape and filter numbers.
        initial: The bank that rotation and difference are measured against, with all filters of the layer.
            Default: the first of ``banks`` that is not all zero.
        changes: Change of the whole layer at each of ``banks``, if known better than from them.

    Attributes:
        layer: Dotted name of the layer.
        epochs: Shape ``(E,)``: epochs completed at each snapshot.
        steps: Shape ``(E,)``: TensorBoard step of each snapshot.
        by_step: Whether snapshots were taken within epochs too, so that steps are the axis of time.
        weights: Shape ``(E, filters, channels, taps)``, float32 or complex64.
        initial: Full bank of the reference moment.

    Raises:
        TypeError: Not a sequence of banks.
        ValueError: No banks, ``changes`` of another number, banks of different layers, shapes or filter numbers, or
            not in the order of epochs.
    """

    by_step = False  # of those that were pickled before there were steps

    _changes: Array | None = None

    def __init__(
        self,
        banks: Sequence[FilterBank],
        initial: FilterBank | None = None,
        *,
        changes: Sequence[float] | None = None,
    ) -> None:
        require(banks, Sequence, "give a list of FilterBanks of one layer")
        self._banks = list(banks)
        if not self._banks:
            raise ValueError("a history needs at least one bank, got none")
        first = self._banks[0]
        for bank in self._banks:
            require_bank(bank)
            if bank.layer != first.layer or bank.weights.shape != first.weights.shape:
                raise ValueError(
                    f"a history holds one layer of one shape: {first.layer!r} {first.weights.shape} "
                    f"and {bank.layer!r} {bank.weights.shape} do not belong together"
                )
            if not np.array_equal(bank.indices, first.indices):
                raise ValueError(f"the banks of {first.layer!r} hold different filters; give all the same ones")
        if initial is not None:
            require_bank(initial)
        self.layer = first.layer
        self.initial = initial or next((bank for bank in self._banks if bank.weights.any()), first)
        if not np.isin(first.indices, self.initial.indices).all():
            raise ValueError(f"the initial bank of {first.layer!r} lacks filters that the others hold")
        self._reference = self.initial.weights[[self.initial.position(int(index)) for index in first.indices]]
        if self._reference.shape != first.weights.shape:
            raise ValueError(
                f"the initial bank of {first.layer!r} has filters of shape {self._reference.shape[1:]}, "
                f"the others {first.weights.shape[1:]}"
            )
        self.epochs = np.array([i if bank.epoch is None else bank.epoch for i, bank in enumerate(self._banks)])
        if (np.diff(self.epochs) < 0).any():
            raise ValueError(f"banks must come in the order of their epochs, got {self.epochs.tolist()}")
        self.steps = np.array([i if bank.step is None else bank.step for i, bank in enumerate(self._banks)])
        self.by_step = any(bank.within_epoch for bank in self._banks)
        if changes is not None:
            self._changes = np.array(changes, np.float64)
            if self._changes.shape != self.epochs.shape:
                raise ValueError(f"changes must be one for each of {len(self)} banks, got {len(changes)}")
        self._share()

    def _share(self) -> None:
        """Hold the weights once: the banks are views of one array."""
        self.weights = np.stack([bank.weights for bank in self._banks])
        self._banks = [
            bank.with_fields(weights=weights) for bank, weights in zip(self._banks, self.weights, strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "weights"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._share()

    def __len__(self) -> int:
        return len(self._banks)

    def __getitem__(self, position: int) -> FilterBank:
        return self._banks[position]

    def __iter__(self) -> Iterator[FilterBank]:
        return iter(self._banks)

    def __repr__(self) -> str:
        times = self.steps if self.by_step else self.epochs
        unit = "step" if self.by_step else "epoch"
        span = f"{unit} {times[0]}" if len(self) == 1 else f"{unit}s {times[0]} to {times[-1]}"
        return f"FilterHistory({self.layer!r}, {plural(len(self), 'snapshot')}, {span}, {size(self[0])})"

    @property
    def reference(self) -> FilterBank:
        """The reference bank, restricted to the filters of this history."""
        return self.initial.with_fields(
            weights=self._reference,
            indices=self._banks[0].indices,
            total_filters=self._banks[0].total_filters,
        )

    def bank(self, epoch: int | None = None, *, step: int | None = None) -> FilterBank:
        """The bank at the end of an epoch (the last one, if several were taken there), or at a step.

        Raises:
            TypeError: Neither of the two, or both.
            KeyError: There is no such snapshot.
        """
        return self._banks[self.position(epoch, step=step)]

    def position(self, epoch: int | None = None, *, step: int | None = None) -> int:
        """Where :meth:`bank` is in the history; arguments and errors as there."""
        if (epoch is None) == (step is None):
            raise TypeError("give an epoch, or step=")
        if step is not None:
            found, there, asked = np.flatnonzero(self.steps == step), self.steps, f"at step {step}"
        else:
            ends = np.array([not bank.within_epoch for bank in self._banks])
            found, there, asked = np.flatnonzero(ends & (self.epochs == epoch)), self.epochs[ends], f"of epoch {epoch}"
        if found.size == 0:
            known = np.unique(there)
            named = map(str, known) if len(known) <= 20 else (*map(str, known[:3]), "...", str(known[-1]))
            raise KeyError(f"no snapshot {asked}; there are {', '.join(named)}")
        return int(found[-1])

    def rotation(self) -> Array:
        """Rotation of every monitored filter from its reference: shape ``(E, filters)``, 0 unmoved, 1 orthogonal.

        Of recorded filters, which are rounded to float16, it is right to about 1e-7 where it is near 0, and to 1e-4
        elsewhere.
        """
        return np.stack([metrics.rotation(weights, self._reference) for weights in self.weights])

    def change(self) -> Array:
        """Relative size of each step since the previous snapshot: shape ``(E,)``, NaN for the first.

        Of a recorded run, it is that of the whole layer, as it was logged. Without logged values it is taken from
        the monitored filters, and NaN below 2e-3, where float16's rounding hides it.
        """
        if self._changes is not None:
            return self._changes.copy()
        steps = [metrics.change(now, before) for before, now in zip(self.weights, self.weights[1:], strict=False)]
        return np.array([np.nan, *steps])

    def rms(self) -> Array:
        """Root mean square of the monitored filters' weights: shape ``(E,)``."""
        return np.array([metrics.rms(weights) for weights in self.weights])

    def dead(self, threshold: float = 0.01) -> Array:
        """Which of the monitored filters are dead, beside their median: bool, shape ``(E, filters)``.

        See :func:`filterscope.dead_filters`.
        """
        check_share("threshold", threshold)
        return np.stack([metrics.dead(weights, threshold) for weights in self.weights])

    def redundancy(self) -> Array:
        """Mean over monitored filters of the largest ``|cosine|`` with another of its group: shape ``(E,)``."""
        first = self._banks[0]
        group = first.indices // max(first.total_filters // first.groups, 1)
        return np.array([metrics.redundancy(weights, group) for weights in self.weights])

    def effective_rank(self) -> Array:
        """Effective rank of the ``filters x (channels taps)`` matrix of the monitored filters: shape ``(E,)``."""
        return np.array([metrics.effective_rank(weights) for weights in self.weights])

    def convergence_epoch(self) -> int | None:
        """First epoch from which the monitored filters stay within a tenth of their way of their last weights.

        ``None`` if they have not stayed there for a fifth of the time, and so may be on their way still; or if their
        way is so short that float16's rounding hides it.
        """
        position = self.convergence()
        return None if position is None else int(self.epochs[position])

    def convergence(self) -> int | None:
        """Position of the snapshot of :meth:`convergence_epoch`."""
        if self._changes is not None and metrics.change(self.weights[-1], self._reference) < ROUNDED:
            has_stood = len(self) > 1 and not self._changes[1:].any()  # NaN, which is unknown, counts as moved
            return 0 if has_stood else None
        return metrics.convergence(self.weights, self._reference, self.steps if self.by_step else self.epochs)


def require_history(value: Any) -> None:
    """Refuse what is no history.

    Raises:
        TypeError: Says how to get one from what was given.
    """
    hint = "make one: FilterHistory([bank, bank, ...]), or load_history(log_dir)['conv1']"
    name, held = next(iter(value.items()), (None, None)) if isinstance(value, Mapping) else (None, value)
    if isinstance(held, FilterHistory):
        hint = f"choose a layer of it, such as histories[{name!r}]"
    elif isinstance(held, FilterBank):
        ending = "" if name is None else f"[{name!r}]"
        hint = f"a bank is one moment, and a history has several: FilterHistory([before{ending}, after{ending}])"
    require(value, FilterHistory, hint)
