"""Filter banks: the weights of one layer at one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.checks import (
    check_channel_names,
    check_count,
    check_flag,
    check_integer,
    check_position,
    check_rate,
    check_share,
    require,
)
from filterscope.filters.words import are_letters, plural


def _as_weights(weights: npt.ArrayLike) -> Array:
    """A copy in float32, or complex64 for complex input: a bank is a moment, and the model goes on changing."""
    try:
        array = np.asarray(weights)
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"weights must be a numpy array ({error}); for a model or layer use read_filters") from error
    return np.array(array, np.complex64 if np.iscomplexobj(array) else np.float32)


def _as_indices(indices: npt.ArrayLike) -> Array:
    """Numbers of filters, each another one."""
    array = np.asarray(indices)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, each filter's number in its layer, got {array.dtype}")
    if array.size and (array.min() < 0 or len(np.unique(array)) < array.size):
        raise ValueError(f"indices must be different numbers from 0 on, got {array.tolist()!s:.80}")
    return array.astype(np.int64)


def _as_layer(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}={value!r} must be a string such as 'conv1'")
    return value


def _as_size(name: str, value: Any) -> int:
    check_count(name, value)
    return int(value)


def _as_moment(name: str, value: Any) -> int | None:
    return None if value is None else check_integer(name, value)


def _as_rate(_: str, value: Any) -> float | None:
    if value is not None:
        check_rate(value)
    return cast("float | None", value)


def _as_names(name: str, value: Any) -> tuple[str, ...] | None:
    if isinstance(value, Mapping):
        raise TypeError(f"{name}={value!r}: a bank is of one layer; give its names, such as ['Fz', 'Cz']")
    check_channel_names(value)
    return None if value is None else tuple(map(str, value))


#: What makes of a value what a bank holds, or refuses it; weights and indices go by their shapes.
_FIELDS: dict[str, Callable[[str, Any], Any]] = {
    "layer": _as_layer,
    "sample_rate": _as_rate,
    "channel_names": _as_names,
    "total_filters": check_position,
    **dict.fromkeys(("epoch", "step"), _as_moment),
    **dict.fromkeys(("stride", "dilation", "groups"), _as_size),
    **dict.fromkeys(("transposed", "within_epoch", "in_time"), check_flag),
}


def _checked(fields: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What a bank holds of fields, but for those that are known to be right."""
    return {
        name: _FIELDS[name](name, value)
        for name, value in fields.items()
        if name in _FIELDS and (name not in known or value is not known[name])
    }


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
        within_epoch: Whether it was taken by steps, and not at an epoch's end.
        stride: Stride of the convolution.
        dilation: Input samples between two neighbouring taps.
        groups: Groups of the convolution.
        transposed: Whether the layer is a ``ConvTranspose1d``, whose filters are rows of ``(in, out/groups, taps)``.
        sample_rate: Samples per second at the layer's input, in Hz; ``None`` if unknown.
        in_time: Whether taps are samples in time: those of a ``Conv2d`` may be electrodes, and have no frequencies.
        channel_names: One name for each input channel that a filter reads, such as ``("Fz", "Cz")``; ``None`` if
            unknown. ``"ACGT"`` names four.

    Raises:
        TypeError: A field is of the wrong type.
        ValueError: ``weights`` is not three-dimensional, ``indices`` or ``channel_names`` do not fit it, or a field has
            a value that cannot be.
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
    within_epoch: bool = False
    in_time: bool = True
    channel_names: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        when = "" if self.epoch is None else f"epoch {self.epoch}, "
        when = f"step {self.step}, " if self.within_epoch else when
        return f"FilterBank({self.layer!r}, {when}{size(self)})"

    def __post_init__(self) -> None:
        weights = _as_weights(self.weights)
        if weights.ndim != 3:
            raise ValueError(f"weights must have shape (filters, channels, taps), got {weights.shape}")
        indices = _as_indices(self.indices)
        if indices.size == 0:
            indices = np.arange(len(weights))
        if indices.shape != (len(weights),):
            raise ValueError(f"indices must have shape ({len(weights)},), one per filter, got {indices.shape}")
        self.__dict__.update(_checked(self.__dict__, vars(FilterBank)))
        total = max(self.total_filters, len(weights))
        self.__dict__.update({"weights": weights, "indices": indices, "total_filters": total})
        self._check_names()

    def _check_names(self) -> None:
        if self.channel_names is not None and len(self.channel_names) != self.channels:
            names = plural(len(self.channel_names), "name")
            raise ValueError(f"channel_names has {names}, and weights {plural(self.channels, 'channel')}")

    def with_fields(self, **fields: Any) -> FilterBank:
        """This bank with other values of some fields; weights are shared, not copied, and must be as a bank's are.

        Raises:
            TypeError: There is no such field, or a value is of the wrong type.
            ValueError: A value cannot be, or weights, indices and channel names do not fit each other.
        """
        if unknown := fields.keys() - self.__dict__.keys():
            raise TypeError(f"a bank has no field {', '.join(sorted(unknown))}; it has {', '.join(self.__dict__)}")
        for name in ("weights", "indices"):
            require(fields.get(name, self.indices), np.ndarray, f"{name}= takes an array")
        other = object.__new__(FilterBank)
        other.__dict__.update(self.__dict__ | fields | _checked(fields, self.__dict__))
        if other.weights.ndim != 3 or other.indices.shape != other.weights.shape[:1]:
            raise ValueError(f"weights {other.weights.shape} and indices {other.indices.shape} do not belong together")
        other._check_names()
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

    @property
    def is_lettered(self) -> bool:
        """Whether its channels are the letters of a sequence, such as DNA: each named by one capital letter."""
        return not np.iscomplexobj(self.weights) and are_letters(self.channel_names or ())

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


def size(bank: FilterBank) -> str:
    """``64 x 1 x 31``, and of how many filters these are some, where they are."""
    shape = f"{bank.filters} x {bank.channels} x {bank.taps}"
    capped = f", {bank.filters} of {bank.total_filters} filters" if bank.filters < bank.total_filters else ""
    return shape + capped


def require_bank(value: Any) -> None:
    """Refuse what is no bank.

    Raises:
        TypeError: Says how to get one from what was given.
    """
    hint = "read_filters(model) gives a dict of them: choose one, such as banks['conv1']"
    name, held = next(iter(value.items()), (None, None)) if isinstance(value, Mapping) else (None, value)
    if isinstance(held, FilterBank):
        hint = f"choose a layer of it, such as banks[{name!r}]"
    elif hasattr(held, "reference"):  # a history, which is made of banks and not known here
        given = "history" if name is None else f"histories[{name!r}]"
        hint = f"choose a moment, such as {given}[-1], or {given}.bank(epoch)"
    require(value, FilterBank, hint)


def dead_filters(bank: FilterBank, threshold: float = 0.01) -> Array:
    """Which filters are dead: norm below ``threshold`` times the layer's median norm, or zero.

    Args:
        bank: All filters of a layer.
        threshold: Share of the median norm.

    Returns:
        bool, shape ``(filters,)``.

    Raises:
        TypeError: Not a bank, or ``threshold`` is not a number.
        ValueError: ``threshold`` is below 0, or not finite.
    """
    require_bank(bank)
    check_share("threshold", threshold)
    return metrics.dead(bank.weights, threshold)
