"""How fast the tensors of a forward are sampled, against the signal that its first convolution meets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.utils.weak import WeakTensorKeyDictionary

#: What functions do to the axis of time, by their names: the same for functions and methods of tensors.
_SHAPES = {"reshape", "view", "flatten", "unflatten", "view_as", "reshape_as"}
_CUTS = {"pad", "narrow", "cat", "concat", "concatenate", "repeat", "tile", "__getitem__"}
_PRODUCTS = {"linear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "einsum", "tensordot"}
_TRANSFORMS = ("fft", "stft", "istft", "unfold", "fold", "adaptive_")
#: Samples below which a multiple of them may be one by chance.
_FEWEST = 8


@dataclass(frozen=True)
class _Origin:
    """Where a tensor comes from.

    Attributes:
        signal: Number of the tensor that the model was given.
        rate: Samples per sample of that.
        length: Samples along time where the rate was last known; ``None``: the signal itself, not yet convolved.
    """

    signal: int
    rate: Fraction
    length: int | None


class Clock:
    """Follows the axis of time from tensor to tensor while a model runs.

    Lengths alone mislead: a ratio of them is trusted only where one whole number explains it. What convolves, pools,
    pads and cuts is undone exactly; what mixes samples or makes others of them ends what is known.

    Args:
        own: Parameters and buffers of the model, which are no signals.
    """

    def __init__(self, own: Iterable[Tensor]) -> None:
        self._origins = WeakTensorKeyDictionary()
        for tensor in own:
            self._origins[tensor] = frozenset()
        self._signals: dict[int, int] = {}  # samples along time of each signal that the first convolution met
        self._count = 0

    def rate_at(self, tensor: Tensor, length: int) -> Fraction | None:
        """Samples of a convolution's input per sample of the signal; ``None`` if unknown.

        Args:
            tensor: The input.
            length: Its samples along time.
        """
        origins = self._of(tensor)
        if not self._signals:  # the first convolution says what the signal is
            self._signals = {origin.signal: length for origin in origins or {self._new()}}
            return Fraction(1)
        rates = {self._settled(origin, length) for origin in origins if origin.signal in self._signals} - {None}
        return rates.pop() if len(rates) == 1 else None

    def convolved(self, output: Tensor, rate: Fraction | None, length: int) -> None:
        """Note a convolution's output, of so many samples along time."""
        known = [] if rate is None else [_Origin(next(iter(self._signals)), rate, length)]
        self._origins[output] = frozenset(known)

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Note what any other function gave."""
        outputs = list(_tensors([output]))
        if not outputs:
            return
        name = str(getattr(func, "__name__", ""))
        given = list(_tensors([*args, *kwargs.values()]))
        for each in outputs:
            origins = (self._through(name, tensor, given, each, args, kwargs) for tensor in given)
            self._origins[each] = frozenset().union(*origins)

    def _new(self) -> _Origin:
        self._count += 1
        return _Origin(self._count, Fraction(1), None)

    def _of(self, tensor: Tensor) -> frozenset[_Origin]:
        known: frozenset[_Origin] | None = self._origins.get(tensor)
        if known is None:
            self._origins[tensor] = known = frozenset({self._new()})
        return frozenset(
            replace(origin, length=self._signals[origin.signal])
            if origin.length is None and origin.signal in self._signals
            else origin
            for origin in known
        )

    def _settled(self, origin: _Origin, length: int) -> Fraction | None:
        ratio = None if origin.length is None else _ratio(origin.length, length)
        return None if ratio is None else origin.rate * ratio

    def _through(
        self,
        name: str,
        tensor: Tensor,
        given: list[Tensor],
        output: Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> set[_Origin]:
        """What is known of an output through one of a function's tensors."""
        if not tensor.dim() or not output.dim():
            return set()
        origins = self._of(tensor)
        known = {origin for origin in origins if origin.length is not None}
        is_cut = tensor.dim() != output.dim() or tensor.shape[-1] != output.shape[-1]
        if is_cut and (name in _SHAPES | _CUTS | _PRODUCTS or any(word in name for word in _TRANSFORMS)):
            new = {self._new()} if origins - known else set()  # another signal, for all that can be told
        else:
            new = set(origins - known)
        if any(word in name for word in _TRANSFORMS):
            return new
        if "pool" in name:
            return new.union(_pooled(known, tensor, output, args, kwargs))
        if name in _CUTS and is_cut and tensor.dim() == output.dim():
            step = _step(args[1]) if name == "__getitem__" else 1
            rates = [(origin.signal, self._settled(origin, tensor.shape[-1])) for origin in known]
            return new.union(
                _Origin(signal, rate / step, output.shape[-1]) for signal, rate in rates if step and rate is not None
            )
        if name in _SHAPES:
            return new.union(origin for origin in known if _keeps_time(origin.length or 0, tensor, output))
        if name in _PRODUCTS:
            axis = -1 if tensor is given[0] else -2
            return new.union(each for each in known if tensor.dim() < -axis or tensor.shape[axis] != each.length)
        return new | known


def _pooled(
    origins: Iterable[_Origin], tensor: Tensor, output: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[_Origin]:
    """Pooling says its stride: by default that is its kernel's size."""
    kernel = kwargs.get("kernel_size", args[1] if len(args) > 1 else None)
    stride = kwargs.get("stride", args[2] if len(args) > 2 else None)
    if stride is None or (not isinstance(stride, int) and not len(stride)):
        stride = kernel
    axes = tensor.dim() - 2 if tensor.dim() > 2 else 1
    strides = [stride] * axes if isinstance(stride, int) else list(stride or ())
    for origin in origins:
        matching = [axis for axis in range(-axes, 0) if tensor.shape[axis] == origin.length]
        if len(matching) == 1 and len(strides) == axes:
            yield _Origin(origin.signal, origin.rate / strides[matching[0]], output.shape[matching[0]])


def _keeps_time(length: int, tensor: Tensor, output: Tensor) -> bool:
    """Whether other axes were reshaped, or a faster one was merged into that of time, as in a pixel shuffle."""
    if length in output.shape:
        return True
    merged = tensor.dim() > 1 and tensor.shape[-2] == length and output.shape[-1] == length * tensor.shape[-1]
    return bool(merged)


def _step(index: Any) -> int | None:
    """Step of a slice of the last axis; ``None`` if it is chosen otherwise."""
    last = index[-1] if isinstance(index, tuple) and index else index
    if not isinstance(last, slice):
        return None
    return 1 if last.step is None else int(last.step) if int(last.step) > 0 else None


def _ratio(before: int, after: int) -> Fraction | None:
    """The whole number by which samples became fewer or more, if only one explains it.

    Pooling without padding cuts off less than one of its strides, and with padding may add one at the end.
    """
    if before == after:
        return Fraction(1)
    if min(before, after) < 1 or max(before, after) < _FEWEST:
        return None
    if after > before:
        return Fraction(after // before) if after % before == 0 and before >= _FEWEST else None
    candidates = range(max(2, before // (after + 1)), before // max(after - 1, 1) + 2)
    fits = [n for n in candidates if math.ceil(before / n - 1) <= after <= math.ceil(before / n)]
    return Fraction(1, fits[0]) if len(fits) == 1 else None


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            if not is_lazy(value):
                yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
