"""Which modules of a model hold 1-D filters, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

#: Names that wrappers put into a module's path, and that users never wrote.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
#: Wrappers by the names of their classes, which are private or slow to import, and where each keeps its module.
_INNER = {"OptimizedModule": "_orig_mod", "_FabricModule": "_forward_module"}


@dataclass(frozen=True)
class FilterLayer:
    """A module that holds 1-D filters.

    Attributes:
        name: Dotted name in the model, without the segments that wrappers add.
        module: A ``Conv1d`` or ``ConvTranspose1d``, or a ``Conv2d`` whose kernel is ``(K, 1)`` or ``(1, K)``.
        axis: Position of the taps among the kernel's axes.
    """

    name: str
    module: nn.Conv1d | nn.ConvTranspose1d | nn.Conv2d
    axis: int = 0

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
    def transposed(self) -> bool:
        """Whether filters are rows of a decoder."""
        return isinstance(self.module, nn.ConvTranspose1d)

    @property
    def is_temporal(self) -> bool:
        """Whether taps are surely samples in time; those of a ``Conv2d`` may be electrodes."""
        return not isinstance(self.module, nn.Conv2d)


def find_layers(model: nn.Module) -> list[FilterLayer]:
    """Every module with 1-D filters, in model order, each once.

    Args:
        model: Any module; a convolution itself is called by its class name.

    Returns:
        The layers, lazy ones without weights yet included.
    """
    found = []
    for path, module in unwrapped(model).named_modules():
        axis = _tap_axis(module)
        if axis is not None:
            found.append(FilterLayer(clean_name(path) or type_before_parametrizations(module).__name__, module, axis))
    return found


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
    if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
        return 0
    if isinstance(module, nn.Conv2d):
        height, width = (_along(module.kernel_size, axis) for axis in (0, 1))
        if (height > 1) != (width > 1):
            return 0 if height > 1 else 1
    return None


def clean_name(path: str) -> str:
    """A dotted name without the segments that wrappers add."""
    return ".".join(part for part in path.split(".") if part not in _WRAPPERS)
