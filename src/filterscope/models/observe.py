"""Which 1-D convolutions a model performs, whatever module or function they are made in: seen in one forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from filterscope.filters.checks import given
from filterscope.models.aside import aside
from filterscope.models.layers import clean_name, unwrapped

#: Functions that convolve: the number of kernel axes, and the names of what they take after input, weight and bias.
#: ``torch.nn.functional`` has the same objects, and what modules call in the end are these.
_TAKES: dict[Callable[..., Any], tuple[int, bool, tuple[str, ...]]] = {
    torch.conv1d: (1, False, ("stride", "padding", "dilation", "groups")),
    torch.conv2d: (2, False, ("stride", "padding", "dilation", "groups")),
    torch.conv_transpose1d: (1, True, ("stride", "padding", "output_padding", "groups", "dilation")),
    torch.conv_transpose2d: (2, True, ("stride", "padding", "output_padding", "groups", "dilation")),
}


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

    Args:
        model: Its modules are named by their places in it.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.performed: list[Performed] = []
        self._root = unwrapped(model)
        self._running: list[tuple[nn.Module, Counter[str]]] = []
        self._known: set[tuple[int, int]] = set()
        self._names = {id(module): clean_name(name) for name, module in self._root.named_modules()}
        self._hooks = ExitStack()

    def __enter__(self) -> Observer:
        """Begin to note; modules are told apart by hooks before and after their forward."""
        for module in self._root.modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue  # it takes no hooks, and what it calls is not seen
            for handle in (
                module.register_forward_pre_hook(self._begin),
                module.register_forward_hook(self._end, always_call=True),
            ):
                self._hooks.callback(handle.remove)
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        """Leave the model as it was."""
        self._hooks.close()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _begin(self, module: nn.Module, _: Any) -> None:
        self._running.append((module, Counter()))

    def _end(self, module: nn.Module, *_: Any) -> None:
        while self._running and self._running.pop()[0] is not module:
            pass  # a forward that raised may have left some behind

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note a call, and do it."""
        if func in _TAKES:
            self._note(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _note(self, func: Any, input: Tensor, weight: Tensor, bias: Any = None, *args: Any, **kwargs: Any) -> None:
        axes, transposed, names = _TAKES[func]
        sides = weight.shape[2:]
        if axes == 2 and (sides[0] > 1) == (sides[1] > 1):
            return  # not along a line
        axis = int(axes == 2 and sides[1] > 1)
        module, counts = self._running[-1] if self._running else (self._root, Counter())
        number = counts["made"]
        counts["made"] += 1
        if (id(module), number) in self._known:
            return
        self._known.add((id(module), number))
        how = {"stride": 1, "dilation": 1, "groups": 1} | dict(zip(names, args, strict=False)) | kwargs
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
                int(input.shape[axis - axes]),
            )
        )


def _along(size: Any, axis: int) -> int:
    """One of a function's sizes, which may be one number for all axes."""
    sizes = list(size) if not isinstance(size, int) else [size]
    return int(sizes[axis] if len(sizes) > axis else sizes[0])


def observe(model: nn.Module, inputs: Any) -> list[Performed]:
    """Run a model once, without gradients, in evaluation mode, and leave it and the random streams as they were.

    Args:
        model: Compiled ones run as they were before.
        inputs: One example: a tensor, a tuple of arguments, or a dict of arguments by name.

    Returns:
        The 1-D convolutions in the order of the modules that made them.

    Raises:
        TypeError: ``inputs`` is of another type.
        Exception: What the model itself raises, with a note.
    """
    if not isinstance(inputs, Tensor | tuple | Mapping):
        raise TypeError(
            f"inputs must be a tensor, a tuple of arguments or a dict of arguments by name, got {given(inputs)}"
        )
    args: tuple[Any, ...] = () if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else (inputs,)
    named = dict(inputs) if isinstance(inputs, Mapping) else {}
    root = unwrapped(model)
    with aside(list(root.modules())), torch.no_grad(), _uncompiled():
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
    places = {id(module): place for place, module in enumerate(root.modules())}
    return sorted(observer.performed, key=lambda each: (places[id(each.module)], each.number))


@contextmanager
def _uncompiled() -> Iterator[None]:
    """What was compiled runs as it was written; torch below 2.6 has no such switch."""
    stance = getattr(torch.compiler, "set_stance", None)
    with nullcontext() if stance is None else stance("force_eager"):
        yield
