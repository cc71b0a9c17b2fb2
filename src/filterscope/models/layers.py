"""Which modules of a model hold 1-D filters, and what they are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, cast

from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from filterscope.models.adapters import inside, is_adapter

#: Classes of convolutions with one kernel axis, and with two.
_LINE = "Conv1d", "ConvTranspose1d"
_PLANE = "Conv2d", "ConvTranspose2d"

#: Names that wrappers put into a module's path, and that users never wrote.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
#: Wrappers by the names of their classes, which are private or slow to import, and where each keeps its module.
_INNER = {"OptimizedModule": "_orig_mod", "_FabricModule": "_forward_module"}


@dataclass(frozen=True)
class FilterLayer:
    """A module that holds 1-D filters.

    Attributes:
        name: Dotted name in the model, without the segments that wrappers add.
        module: A ``Conv1d`` or ``ConvTranspose1d``, or a ``Conv2d`` or ``ConvTranspose2d`` whose kernel is ``(K, 1)``
            or ``(1, K)``; one that was quantised has the same attributes.
        axis: Position of the taps among the kernel's axes.
        adapters: The wrappers of PEFT's around it, from the innermost on.
    """

    name: str
    module: nn.Conv1d | nn.ConvTranspose1d | nn.Conv2d | nn.ConvTranspose2d
    axis: int = 0
    adapters: tuple[nn.Module, ...] = ()

    @property
    def taps(self) -> int:
        """Kernel length."""
        return _along(self.module.kernel_size, self.axis)

    @property
    def stride(self) -> int:
        """Stride along the taps."""
        return _along(self.module.stride, self.axis)

    @property
    def dilation(self) -> int:
        """Dilation along the taps."""
        return _along(self.module.dilation, self.axis)

    @property
    def channels(self) -> int:
        """Channels that each filter reads; 0 for a lazy one that has met no input yet."""
        module = self.module
        return int(module.out_channels if self.transposed else module.in_channels) // self.groups

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.module.groups)

    @property
    def transposed(self) -> bool:
        """Whether filters are rows of a decoder."""
        return bool(self.module.transposed)

    @property
    def is_temporal(self) -> bool:
        """Whether taps are surely samples in time; those of a ``Conv2d`` may be electrodes."""
        return not _is_plane(self.module)

    def parameters(self) -> Iterator[nn.Parameter]:
        """All parameters that make its weight, and its bias."""
        return (self.adapters[-1] if self.adapters else self.module).parameters()


def find_layers(model: nn.Module) -> list[FilterLayer]:
    """Every module with 1-D filters, in model order, each once, lazy ones without weights yet included.

    A convolution itself is called by its class name.
    """
    found: list[FilterLayer] = []
    _collect(found, set(), "", unwrapped(model))
    return found


def _collect(
    found: list[FilterLayer], seen: set[int], path: str, module: nn.Module, adapters: tuple[nn.Module, ...] = ()
) -> None:
    """Add the layers at and below a module, in the order of ``named_modules``."""
    if id(module) in seen:
        return
    seen.add(id(module))
    if (stands_for := inside(module)) is not None:
        _collect(found, seen, path, stands_for, (module, *adapters) if is_adapter(module) else ())
        return
    if (axis := _tap_axis(module)) is not None:
        name = clean_name(path) or type_before_parametrizations(module).__name__
        found.append(FilterLayer(name, cast("nn.Conv1d", module), axis, adapters))
    for name, child in module._modules.items():
        if child is not None:
            _collect(found, seen, f"{path}.{name}" if path else name, child)


def unwrapped(model: nn.Module) -> nn.Module:
    """The module that the user wrote, below what was put around it to train it: DDP, ``torch.compile``, Fabric.

    FSDP's wrappers stay: their parts are found below them, and :func:`clean_name` leaves out what they add.
    """
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        elif type(model).__name__ in _INNER:
            model = getattr(model, _INNER[type(model).__name__])
        else:
            return model


def _along(sizes: Any, axis: int) -> int:
    """One of a convolution's sizes: a subclass may keep a plain number where torch keeps one for each axis."""
    return int(sizes[axis] if isinstance(sizes, Sequence) else sizes)


def _tap_axis(module: nn.Module) -> int | None:
    if not isinstance(module, _classes(sys.modules.get("torch.ao.nn.quantized"), *_LINE, *_PLANE)):
        return None
    if not _is_plane(module):
        return 0
    height, width = (_along(module.kernel_size, axis) for axis in (0, 1))
    if (height > 1) == (width > 1):
        return None
    return 0 if height > 1 else 1


def _is_plane(module: nn.Module) -> bool:
    return isinstance(module, _classes(sys.modules.get("torch.ao.nn.quantized"), *_PLANE))


@cache
def _classes(quantized: ModuleType | None, *names: str) -> tuple[type, ...]:
    """Classes of ``torch.nn``, and those that take their place in a model that is converted to integers.

    The room of those is there once somebody imported it, and it is to leave torch one day.
    """
    return tuple(getattr(room, name) for room in (nn, quantized) if room is not None for name in names)


def clean_name(path: str) -> str:
    """A dotted name without the segments that wrappers add."""
    return ".".join(part for part in path.split(".") if part not in _WRAPPERS)
