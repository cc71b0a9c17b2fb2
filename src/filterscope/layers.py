"""Which modules of a model hold 1-D filters, what they are called, and which of them a user means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

#: Names that wrappers put into a module's path, and that users never wrote.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}


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
        return int(self.module.kernel_size[self.axis])

    @property
    def stride(self) -> int:
        """Stride along the taps."""
        return int(self.module.stride[self.axis])

    @property
    def dilation(self) -> int:
        """Dilation along the taps."""
        return int(self.module.dilation[self.axis])

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
    for path, module in model.named_modules():
        axis = _tap_axis(module)
        if axis is not None:
            found.append(FilterLayer(clean_name(path) or type_before_parametrizations(module).__name__, module, axis))
    return found


def _tap_axis(module: nn.Module) -> int | None:
    if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
        return 0
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        if (height > 1) != (width > 1):
            return 0 if height > 1 else 1
    return None


def select(taps: Mapping[str, int], patterns: str | Sequence[str] | None, *, must_match: bool = True) -> list[str]:
    """Names that the patterns choose, in model order.

    Args:
        taps: Kernel length of every layer there is, by name.
        patterns: Globs on the whole dotted name, case-sensitive, where ``*`` crosses dots; ``None`` for every layer
            with more than one tap.
        must_match: Whether a pattern that matches nothing is an error.

    Returns:
        Names of layers.

    Raises:
        ValueError: A pattern matches no layer. A model without any layer is no error.
    """
    if patterns is None:
        return [name for name, count in taps.items() if count > 1]
    globs = [patterns] if isinstance(patterns, str) else list(patterns)
    if taps and must_match:
        _require_matches(globs, taps, f"layers={patterns!r}", "the model has")
    return [name for name in taps if any(fnmatchcase(name, glob) for glob in globs)]


def clean_name(path: str) -> str:
    """A dotted name without the segments that wrappers add."""
    return ".".join(part for part in path.split(".") if part not in _WRAPPERS)


def _require_matches(globs: Iterable[str], names: Iterable[str], given: str, there: str) -> None:
    known = list(names)
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in known):
            raise ValueError(f"{given}: no layer matches {glob!r}; {there}: {', '.join(known)}")


def sample_rates(
    monitored: Sequence[str], sample_rate: float | Mapping[str, float] | None, *, must_match: bool = True
) -> dict[str, float | None]:
    """Sample rate at the input of each monitored layer.

    Args:
        monitored: Names of layers, in model order.
        sample_rate: Hz. A number is for the first layer only: deeper ones run slower after strides and pooling.
            A mapping names layers by globs, of which the first that matches counts.
        must_match: Whether a glob that matches nothing is an error.

    Returns:
        Rates by name, ``None`` where unknown.

    Raises:
        ValueError: A glob matches no monitored layer.
    """
    if sample_rate is None or not monitored:
        return dict.fromkeys(monitored)
    if isinstance(sample_rate, Mapping):
        if must_match:
            _require_matches(sample_rate, monitored, f"sample_rate={dict(sample_rate)!r}", "monitored layers are")
        return {
            name: next((float(rate) for glob, rate in sample_rate.items() if fnmatchcase(name, glob)), None)
            for name in monitored
        }
    return {name: float(sample_rate) if name == monitored[0] else None for name in monitored}
