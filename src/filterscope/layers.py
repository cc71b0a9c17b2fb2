"""Which modules of a model hold 1-D filters, what they are called, and which of them a user means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from numbers import Real

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
            name = ".".join(part for part in path.split(".") if part not in _WRAPPERS)
            found.append(FilterLayer(name or type_before_parametrizations(module).__name__, module, axis))
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
        require_matches(globs, taps)
    return [name for name in taps if any(fnmatchcase(name, glob) for glob in globs)]


def require_matches(globs: Iterable[str], names: Iterable[str]) -> None:
    """Refuse globs that match nothing.

    Raises:
        ValueError: Names the glob and what there is.
    """
    known = list(names)
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in known):
            raise ValueError(f"no layer matches {glob!r}; the model has: {', '.join(known)}")


def check_patterns(layers: str | Sequence[str] | None) -> None:
    """Refuse what is no selection of layers.

    Raises:
        TypeError: Not a string or a sequence of strings.
        ValueError: Empty, or with an empty pattern.
    """
    if layers is None:
        return
    ok = isinstance(layers, str) or (isinstance(layers, Sequence) and all(isinstance(glob, str) for glob in layers))
    if not ok:
        raise TypeError(f"layers={layers!r} must be a glob, a sequence of globs such as ('conv1', 'head.*'), or None")
    if not layers or not all(layers):
        raise ValueError(f"layers={layers!r} selects nothing; give globs such as 'conv*', or None for all layers")


def check_sample_rate(sample_rate: float | Mapping[str, float] | None) -> None:
    """Refuse what is no sample rate.

    Raises:
        TypeError: Not a number, a mapping of globs to numbers, or ``None``.
        ValueError: Not positive and finite, or an empty mapping.
    """
    if sample_rate is None:
        return
    works = "give Hz such as 16000, or a mapping such as {'conv1': 16000}"
    if isinstance(sample_rate, Mapping):
        if not sample_rate:
            raise ValueError(f"sample_rate={sample_rate!r} is empty; {works}")
        for glob, rate in sample_rate.items():
            if not isinstance(glob, str):
                raise TypeError(f"sample_rate={sample_rate!r} has a key that is no glob; {works}")
            if isinstance(rate, Mapping) or rate is None:
                raise TypeError(f"sample_rate={sample_rate!r} has a value that is no number; {works}")
            check_sample_rate(rate)
        return
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, Real):
        raise TypeError(f"sample_rate={sample_rate!r} is not a number; {works}")
    if not (math.isfinite(sample_rate) and sample_rate > 0):
        raise ValueError(f"sample_rate={sample_rate!r} is not positive and finite; {works}")


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
            require_matches(sample_rate, monitored)
        return {
            name: next((float(rate) for glob, rate in sample_rate.items() if fnmatchcase(name, glob)), None)
            for name in monitored
        }
    return {name: float(sample_rate) if name == monitored[0] else None for name in monitored}
