"""Which 1-D convolutions a model performs, whatever module or function they are made in: seen in one forward."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from filterscope.filters.checks import given
from filterscope.models.aside import apart, offline, uncompiled
from filterscope.models.clock import Clock
from filterscope.models.layers import clean_name, unwrapped
from filterscope.models.modes import can_observe, restack

#: Which hooks take arguments by name: torch forgets none, and warns whoever compiles a model after that. Checked with
#: torch 2.13; without the private name it does.
_BY_NAME: dict[int, bool] = getattr(torch.nn.modules.module, "_global_forward_hooks_with_kwargs", {})
#: Functions that convolve: the number of kernel axes, whether transposed, and the names of what they take after input,
#: weight and bias. ``torch.nn.functional`` has the same objects, and what modules call in the end are these.
_TAKES: dict[Callable[..., Any], tuple[int, bool, tuple[str, ...]]] = {
    torch.conv1d: (1, False, ("stride", "padding", "dilation", "groups")),
    torch.conv2d: (2, False, ("stride", "padding", "dilation", "groups")),
    torch.conv_transpose1d: (1, True, ("stride", "padding", "output_padding", "groups", "dilation")),
    torch.conv_transpose2d: (2, True, ("stride", "padding", "output_padding", "groups", "dilation")),
}


@dataclass(eq=False)
class Frame:
    """A forward that is under way.

    Attributes:
        module: Whose.
        args: By position.
        kwargs: By name.
        made: How many 1-D convolutions it has made itself so far.
    """

    module: nn.Module
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    made: int = 0


@dataclass(frozen=True)
class Autocast:
    """The state of autocast in which a convolution was made."""

    enabled: bool
    dtype: torch.dtype

    @classmethod
    def at(cls, tensor: Tensor) -> Autocast:
        """As it is now for a tensor's device."""
        kind = tensor.device.type
        return cls(torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))


@dataclass(frozen=True, eq=False)
class Convolution:
    """How a module convolves along a line.

    Attributes:
        name: Dotted name of the module whose forward does, without the segments that wrappers add; that of its class
            for the model itself.
        module: That module.
        taps: Kernel length.
        stride: Along the taps.
        dilation: Along the taps.
        groups: Of channels.
        transposed: Whether filters are rows of a decoder.
        is_temporal: Whether the taps lie along time, which is the long side of an input with two.
    """

    name: str
    module: nn.Module
    taps: int
    stride: int
    dilation: int
    groups: int
    transposed: bool
    is_temporal: bool


@dataclass(frozen=True, eq=False)
class Performed(Convolution):
    """One 1-D convolution that was performed.

    Attributes:
        number: How many convolutions the module had made before it in the same forward of its own.
        kernel: Its weight, ``(filters, channels, taps)``, or with one more axis of size 1.
        rate: Samples of its input per sample of what the first convolution meets; ``None`` if unknown.
        needs_gradient: Whether its kernel does.
        frame: The forward that made it, if the kernel is no parameter; ``None`` for code outside of any.
        autocast: The state in which it was made.
    """

    number: int
    kernel: Tensor
    rate: Fraction | None
    needs_gradient: bool
    frame: Frame | None
    autocast: Autocast

    @property
    def channels(self) -> int:
        """Channels that each filter reads."""
        return int(self.kernel.shape[1])


class Observer(TorchFunctionMode):
    """Active while a model runs, it notes the 1-D convolutions: of the first forward of each module, each one.

    It stands below all other modes, and modules are told apart by hooks that torch calls for every module: the model
    itself holds nothing of it. What goes wrong in noting costs what was to be noted.

    Args:
        model: Its modules are named by their places in it; what convolves elsewhere is not its own.

    Attributes:
        outside: The forward of the model itself, for what is made in no module's.
        fault: What went wrong first.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self._root = unwrapped(model)
        self._names = {id(module): clean_name(name) for name, module in self._root.named_modules()}
        self.outside = Frame(self._root)
        self._frames: list[Frame] = []
        self._seen: dict[tuple[int, int], Performed] = {}
        self._clock: Clock | None = Clock([*self._root.parameters(), *self._root.buffers()])
        self._hooks = ExitStack()
        self._thread = threading.get_ident()

    def __enter__(self) -> Observer:
        """Begin to note."""
        self._hooks.callback(register_module_forward_pre_hook(self._begin).remove)
        ends = register_module_forward_hook(self._end, with_kwargs=True, always_call=True)
        self._hooks.callback(_BY_NAME.pop, ends.id, None)
        self._hooks.callback(ends.remove)
        restack(self, is_on=True)
        return self

    def __exit__(self, *_: Any) -> None:
        """End, as :meth:`leave`."""
        self.leave()

    def leave(self) -> None:
        """End, once or more often."""
        self._hooks.close()
        restack(self, is_on=False)
        self._frames.clear()

    @property
    def performed(self) -> list[Performed]:
        """What was noted."""
        return list(self._seen.values())

    def begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """A module's forward has begun with these arguments."""
        self._frames.append(Frame(module, args, kwargs))

    def _begin(self, module: nn.Module, args: Any) -> None:
        if threading.get_ident() == self._thread:
            self.begin(module, args, {})
            if not module.training and isinstance(module, _FAST):  # they compute otherwise below a mode
                restack(self, is_on=False)

    def _end(self, module: nn.Module, args: Any, *rest: Any) -> None:
        """A forward has ended; of one that raised, torch gives no arguments by name."""
        if threading.get_ident() != self._thread:
            return
        while self._frames:  # a forward that raised may have left some behind
            frame = self._frames.pop()
            if frame.module is module:
                frame.args, frame.kwargs = args, rest[0] if len(rest) > 1 else {}
                break
        if isinstance(module, _FAST) and not any(isinstance(frame.module, _FAST) for frame in self._frames):
            restack(self, is_on=True)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do a call, and note it."""
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():  # nothing that would end up in what is compiled
            return func(*args, **kwargs)
        frame = self.frame
        output = func(*args, **kwargs)
        try:
            if func in _TAKES:
                self._note(frame, output, func, *args, **kwargs)
            elif self._clock is not None:
                self._clock.called(func, args, kwargs, output)
        except Exception as error:
            self._lost(error)
        return output

    @property
    def frame(self) -> Frame:
        """The innermost forward that is under way."""
        return self._frames[-1] if self._frames else self.outside

    def _lost(self, error: Exception) -> None:
        """Go on without rates: what is not followed everywhere could be wrong."""
        self.fault, self._clock = self.fault or error, None

    def _note(
        self,
        frame: Frame,
        output: Tensor,
        func: Any,
        input: Tensor,
        weight: Tensor,
        bias: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        axes, transposed, names = _TAKES[func]
        how = {"stride": 1, "dilation": 1, "groups": 1} | dict(zip(names, args, strict=False)) | kwargs
        time, rate = None, None
        if self._clock is not None:
            sides = {axis: weight.shape[axis] for axis in range(-axes, 0)}
            free = [axis for axis, side in sides.items() if side == 1 or side < input.shape[axis]] or list(sides)
            time, rate = self._clock.at(input, free, axes)
            inside = time is not None and -time <= axes
            step = Fraction(_along(how["stride"], (time or 0) + axes)) if inside else Fraction(1)
            after = None if rate is None else rate * step if transposed else rate / step
            self._clock.convolved(output, time if inside else None, after)
        axis = kernel_axis(func, weight)
        if axis is None or id(frame.module) not in self._names:
            return
        module, number = frame.module, frame.made
        frame.made += 1
        in_time = axis - axes == time or (axes == 1 and time is None)
        rate = rate if in_time else None
        if (known := self._seen.get((id(module), number))) is not None:
            if known.rate != rate:
                self._seen[id(module), number] = replace(known, rate=None)
            return
        self._seen[id(module), number] = Performed(
            self._names[id(module)] or type(module).__name__,
            module,
            int(weight.shape[2 + axis]),
            _along(how["stride"], axis),
            _along(how["dilation"], axis),
            int(how["groups"]),
            transposed,
            in_time,
            number,
            weight.detach(),
            rate,
            weight.requires_grad,
            # Arguments are of use where the kernel was computed, and would be held for nothing else.
            None if frame is self.outside or isinstance(weight, nn.Parameter) else frame,
            Autocast.at(input),
        )


#: Modules that are quicker in evaluation mode, with other last bits, unless a mode is active.
_FAST = nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention


def kernel_axis(func: Any, weight: Tensor) -> int | None:
    """Position of the taps among a kernel's axes, if a function convolves along a line."""
    if func not in _TAKES:
        return None
    sides = weight.shape[2:]
    if len(sides) == 2 and (sides[0] > 1) == (sides[1] > 1):
        return None
    return int(len(sides) == 2 and sides[1] > 1)


def _along(size: Any, axis: int) -> int:
    """One of a function's sizes, which may be one number for all axes."""
    sizes = list(size) if isinstance(size, Sequence) else [size]
    return int(sizes[axis] if len(sizes) > axis else sizes[0])


def observe(model: nn.Module, inputs: Any, gradients: bool = False) -> list[Performed]:
    """Run a model once in evaluation mode, and leave it and the random streams as they were.

    Args:
        model: Compiled ones run as they were before.
        inputs: One example: a tensor, a tuple of arguments, or a dict of arguments by name.
        gradients: Whether to tell which kernels need one.

    Returns:
        The 1-D convolutions in the order of the modules that made them.

    Raises:
        TypeError: ``inputs`` is of another type.
        ValueError: The model has lazy layers.
        Exception: What the model itself raises, with a note.
    """
    if not isinstance(inputs, Tensor | tuple | Mapping):
        raise TypeError(
            f"inputs must be a tensor, a tuple of arguments or a dict of arguments by name, got {given(inputs)}"
        )
    if not can_observe():
        raise RuntimeError(f"torch {torch.__version__} does not let filterscope see what a forward performs")
    args: tuple[Any, ...] = () if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else (inputs,)
    named = dict(inputs) if isinstance(inputs, Mapping) else {}
    root = unwrapped(model)
    if any(is_lazy(parameter) for parameter in root.parameters()):
        raise ValueError("inputs would give the lazy layers of this model their weights: run it once before")
    with apart(list(root.modules()), parameters=False), torch.set_grad_enabled(gradients), uncompiled():
        observer = Observer(root)
        try:
            with observer, offline():
                root(*args, **named)
        except Exception as error:
            error.add_note(
                f"filterscope ran {type(root).__name__} on the inputs that it was given, in evaluation mode: it is its "
                "own error. inputs= must be what the model's forward takes"
            )
            raise
    return in_model_order(root, observer.performed)


def in_model_order(model: nn.Module, performed: list[Performed]) -> list[Performed]:
    """Convolutions in the order of the modules that made them, and of each module in its own."""
    places = {id(module): place for place, module in enumerate(unwrapped(model).modules())}
    return sorted(performed, key=lambda each: (places.get(id(each.module), len(places)), each.number))
