"""How fast the tensors of a forward are sampled, against the signal that its first convolution meets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.utils.weak import WeakTensorKeyDictionary

#: What functions do, by their names, which are the same for functions and methods of tensors.
_SHAPES = {"reshape", "view", "flatten", "unflatten", "view_as", "reshape_as", "squeeze", "unsqueeze"}
_SWAPS = {"transpose", "swapaxes", "swapdims"}
_CUTS = {"pad", "narrow", "cat", "concat", "concatenate", "repeat", "tile", "roll", "chunk", "split", "tensor_split"}
_PRODUCTS = {"linear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm"}
_REDUCTIONS = {"mean", "sum", "amax", "amin", "max", "min", "std", "var", "logsumexp", "prod", "median"}
_FASTER = {"interpolate", "upsample", "repeat_interleave"}
_RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
#: Parts of names of functions after which no sample is where it was.
_ENDS = (
    *("fft", "stft", "fold", "adaptive_", "unpool", "fractional", "einsum", "tensordot", "sort", "topk", "gather"),
    *("index", "take", "select", "unbind", "stack", "embedding", "attention", "movedim", "moveaxis", "scatter"),
)


@dataclass(frozen=True)
class _Origin:
    """Where a tensor comes from.

    Attributes:
        signal: Number of the tensor that the model was given.
        rate: Samples per sample of that.
        axis: Position of time, from the end; ``None``: the signal itself, of which its first convolution will tell.
    """

    signal: int
    rate: Fraction
    axis: int | None


class Clock:
    """Follows the axis of time from tensor to tensor while a model runs.

    What convolves, pools, pads, cuts and turns is followed exactly; what mixes samples, or what is not known, ends it.

    Args:
        own: Parameters and buffers of the model, which are no signals.
    """

    def __init__(self, own: Iterable[Tensor]) -> None:
        self._origins = WeakTensorKeyDictionary()
        for tensor in own:
            self._origins[tensor] = frozenset()
        self._signals: dict[int, int] = {}  # position of time in each signal that the first convolution met
        self._has_begun = False
        self._count = 0

    def at(self, tensor: Tensor, axes: Sequence[int], count: int = 1) -> tuple[int | None, Fraction | None]:
        """Position of time in a convolution's input, from the end, and samples of it per sample of the signal.

        Args:
            tensor: The input.
            axes: Which positions may be time, if that is not known from before: the longest is.
            count: Of the kernel's axes; those that are not among ``axes`` it covers as a whole.

        Returns:
            ``None`` for what is not known.
        """
        origins = self._of(tensor)
        longest = max((tensor.shape[axis] for axis in axes), default=0)
        long = [axis for axis in axes if tensor.shape[axis] == longest]
        likely = long[0] if len(long) == 1 else None
        if not self._has_begun:  # the first convolution says what the signal is
            self._has_begun = True
            if likely is not None:
                self._signals = {origin.signal: likely for origin in origins or {self._new()}}
            return likely, None if likely is None else Fraction(1)
        known = {(origin.axis, origin.rate) for origin in origins if origin.signal in self._signals}
        places = {axis for axis, _ in known}
        if len(places) == 1:  # a kernel as long as its axis is no filter in time
            (place,) = places
            is_whole = place is not None and -place <= count and place not in axes
            return (None, None) if is_whole else (place, known.pop()[1] if len(known) == 1 else None)
        return likely, None

    def convolved(self, output: Tensor, axis: int | None, rate: Fraction | None) -> None:
        """Note where time is in a convolution's output, and how fast it is sampled there."""
        found = [] if axis is None or rate is None else [_Origin(next(iter(self._signals)), rate, axis)]
        self._origins[output] = frozenset(found)

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Note what any other function gave."""
        outputs = list(_tensors([output]))
        if not outputs:
            return
        name = str(getattr(func, "__name__", ""))
        if name == "__get__":  # of an attribute
            name = str(getattr(getattr(func, "__self__", None), "__name__", ""))
        given = list(_tensors([*args, *kwargs.values()]))
        for number, each in enumerate(outputs):
            found: set[_Origin] = set()
            for tensor in given if number == 0 or name not in _RECURRENT else ():
                for origin in self._of(tensor):
                    if origin.axis is not None:
                        found |= set(_followed(origin, name, tensor, each, args, kwargs, tensor is given[0]))
                    elif tensor.shape == each.shape and not any(word in name for word in _ENDS):
                        found.add(origin)
                    else:
                        found.add(self._new())  # another signal, for all that can be told
            self._origins[each] = frozenset(found)

    def _new(self) -> _Origin:
        self._count += 1
        return _Origin(self._count, Fraction(1), None)

    def _of(self, tensor: Tensor) -> frozenset[_Origin]:
        known: frozenset[_Origin] | None = self._origins.get(tensor)
        if known is None:
            self._origins[tensor] = known = frozenset({self._new()})
        return frozenset(
            replace(origin, axis=self._signals.get(origin.signal)) if origin.axis is None else origin
            for origin in known
        )


def _followed(
    origin: _Origin,
    name: str,
    tensor: Tensor,
    output: Tensor,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    is_first: bool,
) -> Iterator[_Origin]:
    """What is known of a function's output through one of its tensors, in which time has a place."""
    axis, rate = origin.axis or -1, origin.rate
    if tensor.dim() < -axis or any(word in name for word in _ENDS):
        return
    size, rest = tensor.shape[axis], args[1:]
    if name in ("mT", "T", "H", "mH", "adjoint", "t") or name in _SWAPS:
        pair = [each - tensor.dim() if each >= 0 else each for each in rest if isinstance(each, int)] or [-1, -2]
        turned = {pair[0]: pair[-1], pair[-1]: pair[0]}
        yield replace(origin, axis=turned.get(axis, axis))
    elif name == "permute":
        order = [each % tensor.dim() for each in (rest[0] if rest and isinstance(rest[0], list | tuple) else rest)]
        order = order or [each % tensor.dim() for each in kwargs.get("dims", ())]
        if axis % tensor.dim() in order:
            yield replace(origin, axis=order.index(axis % tensor.dim()) - tensor.dim())
    elif name in _SHAPES:
        yield from _reshaped(origin, axis, tensor, output)
    elif name == "__getitem__":
        yield from _indexed(origin, axis, tensor, args[1])
    elif "pool" in name:
        yield from _pooled(origin, axis, name, rest[1:] if "lp_" in name else rest, kwargs)
    elif name in _REDUCTIONS and output.dim() <= tensor.dim():
        yield from _reduced(origin, axis, tensor, output, rest, kwargs)
    elif name in _PRODUCTS:
        contracted = -1 if is_first else -2
        if axis != contracted and output.dim() >= -axis and output.shape[axis] == size:
            yield origin
    elif output.dim() < max(tensor.dim(), -axis):
        return
    elif name in _CUTS or output.shape[axis] == size:
        yield origin
    elif name in _FASTER and output.shape[axis] % size == 0:
        yield replace(origin, rate=rate * (output.shape[axis] // size))


def _reshaped(origin: _Origin, axis: int, tensor: Tensor, output: Tensor) -> Iterator[_Origin]:
    """The axis with as many numbers behind it; or one into which a faster axis was merged, as in a pixel shuffle."""
    size, behind = tensor.shape[axis], math.prod(tensor.shape[axis:][1:])
    if size < 2:
        return
    for place in range(-output.dim(), 0):
        after = math.prod(output.shape[place:][1:])
        if after and output.shape[place] * after == size * behind and output.shape[place] % size == 0:
            yield replace(origin, axis=place, rate=origin.rate * (output.shape[place] // size))
            return


def _indexed(origin: _Origin, axis: int, tensor: Tensor, index: Any) -> Iterator[_Origin]:
    """Slices keep time, numbers beside it as well; anything else is not followed."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(not (part is None or part is ... or isinstance(part, int | slice)) for part in parts):
        return
    missing = tensor.dim() - sum(part is not None and part is not ... for part in parts)
    at = next((place for place, part in enumerate(parts) if part is ...), len(parts))
    parts[at : at + 1] = [slice(None)] * missing
    kept: list[tuple[int | None, Any]] = []  # axes of the output: which axis of the tensor each was
    position = 0
    for part in parts:
        if part is None:
            kept.append((None, None))
            continue
        if isinstance(part, slice):
            kept.append((position, part.step))
        position += 1
    for place, (was, step) in enumerate(kept):
        if was == axis % tensor.dim():
            yield replace(origin, axis=place - len(kept), rate=origin.rate / int(step or 1))


def _pooled(origin: _Origin, axis: int, name: str, rest: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[_Origin]:
    """Pooling says its stride: by default that is its kernel's size."""
    axes = int(name.partition("pool")[2][0])
    if -axis > axes:
        yield origin
        return
    kernel = kwargs.get("kernel_size", rest[0] if rest else None)
    stride = kwargs.get("stride", rest[1] if len(rest) > 1 else None)
    if stride is None or (not isinstance(stride, int) and not len(stride)):
        stride = kernel
    sizes = [stride] * axes if isinstance(stride, int) else list(stride or ())
    sizes *= axes // len(sizes) if sizes else 0
    if sizes:
        yield replace(origin, rate=origin.rate / int(sizes[axis]))


def _reduced(
    origin: _Origin, axis: int, tensor: Tensor, output: Tensor, rest: Sequence[Any], kwargs: dict[str, Any]
) -> Iterator[_Origin]:
    """Time stays, unless it is an axis that is reduced."""
    named = kwargs.get("dim", kwargs.get("axis", rest[0] if rest else None))
    if named is None or isinstance(named, Tensor):
        if output.shape == tensor.shape:  # of two tensors, one by one
            yield origin
        return
    gone = {each % tensor.dim() for each in ([named] if isinstance(named, int) else named)}
    if axis % tensor.dim() not in gone:
        behind = sum(each > axis % tensor.dim() for each in gone) if output.dim() < tensor.dim() else 0
        yield replace(origin, axis=axis + behind)


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            if not is_lazy(value):
                yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
