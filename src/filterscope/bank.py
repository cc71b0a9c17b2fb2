"""Filter banks: the weights of one layer at one moment, and over the epochs of a training run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from filterscope import metrics
from filterscope.arguments import check_count, require

Array = npt.NDArray[Any]


def _as_weights(weights: npt.ArrayLike) -> Array:
    """A copy in float32, or complex64 for complex input: a bank is a moment, and the model goes on changing."""
    try:
        array = np.asarray(weights)
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"weights must be a numpy array ({error}); for a model or layer use read_filters") from error
    return np.array(array, np.complex64 if np.iscomplexobj(array) else np.float32)


@dataclass(frozen=True, eq=False)
class FilterBank:
    """The filters of one layer at one moment.

    Attributes:
        layer: Dotted name of the layer in its model.
        weights: Shape ``(filters, channels, taps)``, float32 or complex64. ``weights[o, c, k]`` multiplies
            the input sample under tap ``k``; tap 0 meets the oldest sample, as PyTorch cross-correlates.
        indices: Shape ``(filters,)``: each filter's number in the layer. Default: 0, 1, 2, ...
        total_filters: Number of filters in the layer, of which ``weights`` may hold fewer.
        epoch: Epochs completed, 0 before training; ``None`` outside of training.
        step: Position on TensorBoard's step axis; ``None`` outside of training.
        stride: Stride of the convolution.
        dilation: Input samples between two neighbouring taps.
        groups: Groups of the convolution.
        transposed: Whether the layer is a ``ConvTranspose1d``, whose filters are rows of ``(in, out/groups, taps)``.
        sample_rate: Samples per second at the layer's input, in Hz; ``None`` if unknown.

    Raises:
        ValueError: ``weights`` is not three-dimensional, or ``indices`` do not fit it.
    """

    layer: str
    weights: Array
    indices: Array = field(default_factory=lambda: np.empty(0, np.int64))
    total_filters: int = 0
    epoch: int | None = None
    step: int | None = None
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    transposed: bool = False
    sample_rate: float | None = None

    def __post_init__(self) -> None:
        weights = _as_weights(self.weights)
        if weights.ndim != 3:
            raise ValueError(f"weights must have shape (filters, channels, taps), got {weights.shape}")
        indices = np.asarray(self.indices, np.int64)
        if indices.size == 0:
            indices = np.arange(len(weights))
        if indices.shape != (len(weights),):
            raise ValueError(f"indices must have shape ({len(weights)},), one per filter, got {indices.shape}")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "total_filters", max(self.total_filters, len(weights)))

    def with_fields(self, **fields: Any) -> FilterBank:
        """This bank with other values of some fields, which must fit; weights are shared, not copied."""
        other = object.__new__(FilterBank)
        other.__dict__.update(self.__dict__ | fields)
        return other

    @classmethod
    def owning(cls, layer: str, weights: Array, **fields: Any) -> FilterBank:
        """A bank that takes over an array, float32 or complex64 ``(filters, channels, taps)``, without a copy."""
        count = {"indices": np.arange(len(weights)), "total_filters": len(weights)}
        return cls(layer, weights[:0]).with_fields(weights=weights, **count, **fields)

    @property
    def filters(self) -> int:
        """Number of filters held."""
        return int(self.weights.shape[0])

    @property
    def channels(self) -> int:
        """Number of input channels that each filter reads."""
        return int(self.weights.shape[1])

    @property
    def taps(self) -> int:
        """Kernel length."""
        return int(self.weights.shape[2])

    def head(self, max_filters: int | None) -> FilterBank:
        """The lowest-numbered ``max_filters`` filters; all of them for ``None``.

        Raises:
            TypeError: Not an integer.
            ValueError: Below 1.
        """
        if max_filters is None:
            return self
        check_count("max_filters", max_filters, ", or None for all filters")
        if max_filters >= self.filters:
            return self
        return self.with_fields(weights=self.weights[:max_filters], indices=self.indices[:max_filters])

    def position(self, index: int) -> int:
        """Row of the filter that has the number ``index`` in its layer.

        Raises:
            IndexError: The bank does not hold that filter.
        """
        found = np.flatnonzero(self.indices == index)
        if found.size == 0:
            held = f"{self.indices.min()} to {self.indices.max()}" if self.filters else "none"
            raise IndexError(f"layer {self.layer!r} has no filter {index} here; it holds {self.filters}: {held}")
        return int(found[0])


class FilterHistory:
    """One layer's filters over the epochs of a run.

    Args:
        banks: Snapshots in the order in which they were taken, all of one layer, shape and filter numbers.
        initial: The bank that rotation and difference are measured against, with all filters of the layer.
            Default: the first of ``banks`` that is not all zero.

    Attributes:
        layer: Dotted name of the layer.
        epochs: Shape ``(E,)``: epochs completed at each snapshot.
        steps: Shape ``(E,)``: TensorBoard step of each snapshot.
        weights: Shape ``(E, filters, channels, taps)``, float32 or complex64.
        initial: Full bank of the reference moment.

    Raises:
        TypeError: Not a sequence of banks.
        ValueError: No banks, banks of different layers, shapes or filter numbers, or not in the order of epochs.
    """

    def __init__(self, banks: Sequence[FilterBank], initial: FilterBank | None = None) -> None:
        require(banks, Sequence, "give a list of FilterBanks of one layer")
        self._banks = list(banks)
        if not self._banks:
            raise ValueError("a history needs at least one bank, got none")
        first = self._banks[0]
        for bank in self._banks:
            require(bank, FilterBank, "a history is made of FilterBanks of one layer")
            if bank.layer != first.layer or bank.weights.shape != first.weights.shape:
                raise ValueError(
                    f"a history holds one layer of one shape: {first.layer!r} {first.weights.shape} "
                    f"and {bank.layer!r} {bank.weights.shape} do not belong together"
                )
            if not np.array_equal(bank.indices, first.indices):
                raise ValueError(f"the banks of {first.layer!r} hold different filters; give all the same ones")
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
        filters, channels, taps = self.weights.shape[1:]
        span = f"epochs {self.epochs[0]} to {self.epochs[-1]}"
        return f"FilterHistory({self.layer!r}, {len(self)} snapshots, {span}, {filters} x {channels} x {taps})"

    @property
    def reference(self) -> FilterBank:
        """The reference bank, restricted to the filters of this history."""
        return self.initial.with_fields(
            weights=self._reference,
            indices=self._banks[0].indices,
            total_filters=self._banks[0].total_filters,
        )

    def bank(self, epoch: int) -> FilterBank:
        """The bank after ``epoch`` epochs; the last one, if several were taken then.

        Raises:
            KeyError: There is no snapshot of that epoch.
        """
        found = np.flatnonzero(self.epochs == epoch)
        if found.size == 0:
            raise KeyError(f"no snapshot of epoch {epoch}; there are {', '.join(map(str, np.unique(self.epochs)))}")
        return self._banks[int(found[-1])]

    def rotation(self) -> Array:
        """Rotation of every filter from its reference: shape ``(E, filters)``, 0 unmoved, 1 orthogonal."""
        return np.stack([metrics.rotation(weights, self._reference) for weights in self.weights])

    def change(self) -> Array:
        """Relative size of each step since the previous snapshot: shape ``(E,)``, NaN for the first."""
        steps = [metrics.change(now, before) for before, now in zip(self.weights, self.weights[1:], strict=False)]
        return np.array([np.nan, *steps])

    def rms(self) -> Array:
        """Root mean square of the weights: shape ``(E,)``."""
        return np.array([metrics.rms(weights) for weights in self.weights])

    def dead(self, threshold: float = 0.01) -> Array:
        """Which filters are dead: bool, shape ``(E, filters)``. See :func:`filterscope.dead_filters`."""
        return np.stack([metrics.dead(weights, threshold) for weights in self.weights])

    def redundancy(self) -> Array:
        """Mean over filters of the largest cosine with another one of its group: shape ``(E,)``."""
        first = self._banks[0]
        group = first.indices // max(first.total_filters // first.groups, 1)
        return np.array([metrics.redundancy(weights, group) for weights in self.weights])

    def effective_rank(self) -> Array:
        """Effective rank of the ``filters x (channels taps)`` matrix: shape ``(E,)``."""
        return np.array([metrics.effective_rank(weights) for weights in self.weights])

    def convergence_epoch(self) -> int:
        """First epoch from which the layer stays within a tenth of its way of its last weights."""
        return int(self.epochs[metrics.convergence(self.weights, self._reference)])


def dead_filters(bank: FilterBank, threshold: float = 0.01) -> Array:
    """Which filters are dead: norm below ``threshold`` times the layer's median norm, or zero.

    Args:
        bank: All filters of a layer.
        threshold: Share of the median norm.

    Returns:
        bool, shape ``(filters,)``.
    """
    require(bank, FilterBank, "read_filters gives a dict of them: choose one")
    return metrics.dead(bank.weights, threshold)
