"""Which 1-D convolutions a model performs, whatever module or function they are made in: seen in one forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from filterscope.filters.checks import given
from filterscope.models.aside import aside, uncompiled
from filterscope.models.clock import Clock
from filterscope.models.layers import clean_name, unwrapped

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
class Performed:
    """One 1-D convolution that was performed.

    Attributes:
        name: Dotted name of the module whose forward made it, without the segments that wrappers add; that of its
            class for the model itself.
        module: That module.
        number: How many convolutions the module had made before it in the same forward of its own.
        kernel: Its weight, ``(filters, channels, taps)``, or with one more axis of size 1.
        axis: Position of the taps among the kernel's axes.
        stride: Along the taps.
        dilation: Along the taps.
        groups: Of channels.
        transposed: Whether filters are rows of a decoder.
        length: Of its input, along the taps.
        is_temporal: Whether the taps lie along time, which is the long side of an input with two.
        rate: Samples of its input per sample of what the first convolution meets; ``None`` if unknown.
        needs_gradient: Whether its kernel does.
        frame: The forward that made it, if the kernel is no parameter; ``None`` for code outside of any.
        autocast: The state in which it was made.
    """

    name: str
    module: nn.Module
    number: int
    kernel: Tensor
    axis: int
    stride: int
    dilation: int
    groups: int
    transposed: bool
    length: int
    is_temporal: bool
    rate: Fraction | None
    needs_gradient: bool
    frame: Frame | None
    autocast: Autocast

    @property
    def channels(self) -> int:
        """Channels that each filter reads."""
        return int(self.kernel.shape[1])

    @property
    def taps(self) -> int:
        """Kernel length."""
        return int(self.kernel.shape[2 + self.axis])


class Observer(TorchFunctionMode):
    """Active while a model runs, it notes the 1-D convolutions: of the first forward of each module, each one.

    No fault of its own reaches the model.

    Args:
        model: Its modules are named by their places in it.

    Attributes:
        performed: What was noted.
        is_active: Whether it notes.
        fault: What went wrong in noting, after which nothing more is noted.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.performed: list[Performed] = []
        self.fault: Exception | None = None
        self._root = unwrapped(model)
        self._frames: list[Frame] = []
        self.outside = Frame(self._root)  # what is made in no forward is the model's own
        self._known: set[tuple[int, int]] = set()
        self._names = {id(module): clean_name(name) for name, module in self._root.named_modules()}
        self._clock = Clock([*self._root.parameters(), *self._root.buffers()])
        self._hooks = ExitStack()
        self._is_entered = False
        self.is_active = False

    def __enter__(self) -> Observer:
        """Begin to note; modules are told apart by hooks before and after their forward."""
        for module in self._root.modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue  # it takes no hooks, and what it calls is not seen
            for handle in (
                module.register_forward_pre_hook(self.begin, with_kwargs=True),
                module.register_forward_hook(self._end, always_call=True),
            ):
                self._hooks.callback(handle.remove)
        super().__enter__()  # type: ignore[no-untyped-call]
        self._is_entered = self.is_active = True
        return self

    def __exit__(self, *_: Any) -> None:
        """Leave the model as it was."""
        self.leave()

    def leave(self) -> bool:
        """End, once or more often; whether torch has let go of it.

        Where the model is within a mode of its own that began later, it stays below that, does nothing, and is to be
        left again.
        """
        self.is_active = False
        self._hooks.close()
        self._frames.clear()
        newest = getattr(torch.overrides, "_get_current_function_mode", lambda: self)()  # private, as of 2.4 to 2.14
        if self._is_entered and newest is self:
            super().__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._is_entered = False
        return not self._is_entered

    def begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """A module's forward begins."""
        self._frames.append(Frame(module, args, kwargs))

    def _end(self, module: nn.Module, *_: Any) -> None:
        while self._frames and self._frames.pop().module is not module:
            pass  # a forward that raised may have left some behind

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do a call, and note it."""
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():  # nothing that would end up in what is compiled
            return func(*args, **kwargs)
        frame = self.frame
        output = func(*args, **kwargs)
        if self.is_active:
            try:
                if func in _TAKES:
                    self._note(frame, output, func, *args, **kwargs)
                else:
                    self._clock.called(func, args, kwargs, output)
            except Exception as error:
                self.fault, self.is_active = error, False
        return output

    @property
    def frame(self) -> Frame:
        """The innermost forward that is under way."""
        return self._frames[-1] if self._frames else self.outside

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
        sizes = input.shape[-axes:]
        time = None if axes == 2 and sizes[0] == sizes[1] else max(range(axes), key=lambda each: sizes[each])
        rate = None if time is None else self._clock.rate_at(input, sizes[time])
        step = Fraction(_along(how["stride"], time or 0))
        after = None if rate is None else rate * step if transposed else rate / step
        self._clock.convolved(output, after, output.shape[(time or 0) - axes])
        axis = kernel_axis(func, weight)
        if axis is None:
            return
        module, number = frame.module, frame.made
        frame.made += 1
        if (id(module), number) in self._known:
            return
        self._known.add((id(module), number))
        self.performed.append(
            Performed(
                self._names.get(id(module)) or type(module).__name__,
                module,
                number,
                weight.detach(),
                axis,
                _along(how["stride"], axis),
                _along(how["dilation"], axis),
                int(how["groups"]),
                transposed,
                int(sizes[axis]),
                axis == time,
                rate if axis == time else None,
                weight.requires_grad,
                # Arguments are of use where the kernel was computed, and would be held for nothing else.
                None if frame is self.outside or isinstance(weight, nn.Parameter) else frame,
                Autocast.at(input),
            )
        )


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
    sizes = list(size) if not isinstance(size, int) else [size]
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
    check_inputs(inputs)
    args: tuple[Any, ...] = () if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else (inputs,)
    named = dict(inputs) if isinstance(inputs, Mapping) else {}
    root = unwrapped(model)
    if any(is_lazy(parameter) for parameter in root.parameters()):
        raise ValueError("inputs would give the lazy layers of this model their weights: run it once before")
    with aside(list(root.modules())), torch.set_grad_enabled(gradients), uncompiled():
        observer = Observer(root)
        try:
            with observer:
                root(*args, **named)
        except Exception as error:
            error.add_note(
                f"filterscope ran {type(root).__name__} on the inputs that it was given, in evaluation mode: it is its "
                "own error. inputs= must be what the model's forward takes"
            )
            raise
    if observer.fault is not None:
        raise observer.fault
    return in_model_order(root, observer.performed)


def check_inputs(inputs: Any) -> None:
    """Refuse what is no example of arguments.

    Raises:
        TypeError: Says what would work.
    """
    if not isinstance(inputs, Tensor | tuple | Mapping):
        raise TypeError(
            f"inputs must be a tensor, a tuple of arguments or a dict of arguments by name, got {given(inputs)}"
        )


def in_model_order(model: nn.Module, performed: list[Performed]) -> list[Performed]:
    """Convolutions in the order of the modules that made them, and of each module in its own."""
    places = {id(module): place for place, module in enumerate(unwrapped(model).modules())}
    return sorted(performed, key=lambda each: (places.get(id(each.module), len(places)), each.number))
