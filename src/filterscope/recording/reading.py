"""One reading of a model: which layers are monitored, what they hold now, and what to tell of them at the start."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import nn

from filterscope.filters.bank import FilterBank
from filterscope.filters.selection import channel_names, sample_rates, select
from filterscope.filters.words import plural
from filterscope.models.gather import gather
from filterscope.models.layers import FilterLayer, find_layers
from filterscope.recording.settings import Settings

#: Bytes of raw filters above which a fit is told so at its start.
LARGE = 2**30


@dataclass(frozen=True)
class Reading:
    """The banks of all monitored layers at one moment, as read from the model.

    Attributes:
        banks: By layer name, in model order, all filters.
        without_response: Layers whose taps may not be samples in time.
        time: When, in seconds since 1970.
    """

    banks: Mapping[str, FilterBank]
    without_response: frozenset[str]
    time: float

    @cached_property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return sum(bank.weights.nbytes for bank in self.banks.values())


def read(model: nn.Module, settings: Settings, keep: bool = True) -> tuple[Reading | None, dict[str, str]]:
    """Read the monitored layers of a model; all ranks of a sharded one must do so together.

    Args:
        model: As it is trained, wrapped or not.
        settings: Which layers are monitored.
        keep: Whether this rank needs the result.

    Returns:
        The weights, if there are any yet; and why a layer could not be read, by its name.
    """
    layers = {layer.name: layer for layer in find_layers(model)}
    names = select({name: layer.taps for name, layer in layers.items()}, settings.layers, must_match=False)
    rates = sample_rates(names, settings.sample_rate, must_match=False)
    gathered = gather([layers[name] for name in names], rates, wrapped=model, keep=keep)
    if settings.channel_names is not None:
        counts = _channels(layers.values()) | {name: bank.channels for name, bank in gathered.banks.items()}
        named = channel_names(counts, settings.channel_names, must_fit=False)
        for name, bank in gathered.banks.items():
            gathered.banks[name] = bank.with_fields(channel_names=named[name])
        if gathered.banks:
            _warn_of_names(counts, settings)
    unclear = frozenset(name for name in names if not layers[name].is_temporal and rates[name] is None)
    return Reading(gathered.banks, unclear, time.time()) if gathered.banks else None, gathered.unreadable


def _warn_of_names(channels: Mapping[str, int], settings: Settings) -> None:
    """A warning of names that do not fit a layer of which that was not known at the start; Python gives it once."""
    try:
        channel_names(channels, settings.channel_names)
    except ValueError as error:
        warnings.warn(f"filterscope leaves names of channels out: {error}", stacklevel=2)


def warn_if_large(reading: Reading, settings: Settings, snapshots: float | None) -> None:
    """One warning before a fit that would write a lot of raw filters."""
    if not settings.save_filters or snapshots is None:
        return
    weights = sum(bank.head(settings.max_filters).weights.nbytes // 2 for bank in reading.banks.values())
    if (size := weights * snapshots) > LARGE:
        cadences = {"every_n_epochs": settings.every_n_epochs, "every_n_train_steps": settings.every_n_train_steps}
        times = math.ceil(size / LARGE)
        works = " with ".join(f"{name}={times * every}" for name, every in cadences.items() if every is not None)
        warnings.warn(
            f"filterscope will write {size / 2**30:.1f} GiB of raw filters in {plural(round(snapshots), 'snapshot')}; "
            f"{works}, a smaller max_filters, fewer layers, or save_filters=False would write less than "
            f"{LARGE / 2**30:.0f} GiB",
            stacklevel=2,
        )


def check_layers(model: nn.Module, settings: Settings) -> None:
    """Refuse globs that match no layer, and names that are not as many as a layer's channels.

    Raises:
        ValueError: Says which, and what there is.
    """
    layers = find_layers(model)
    sample_rates(select({layer.name: layer.taps for layer in layers}, settings.layers), settings.sample_rate)
    channel_names(_channels(layers), settings.channel_names)


def _channels(layers: Iterable[FilterLayer]) -> dict[str, int]:
    return {layer.name: layer.channels for layer in layers}


def same_weights(reading: Reading, other: Reading) -> bool:
    """Whether all that a reading holds is in another, equal to the last bit."""
    return all(
        name in other.banks and np.array_equal(bank.weights.view(np.int32), other.banks[name].weights.view(np.int32))
        for name, bank in reading.banks.items()
    )


def warn_without_layers(model: nn.Module, layers: str | Sequence[str] | None) -> None:
    """One warning for a model in which nothing is to be monitored."""
    found = find_layers(model)
    if not select({layer.name: layer.taps for layer in found}, layers):
        hint = " with more than one tap; layers='*' takes pointwise ones too" if found else ""
        warnings.warn(f"filterscope found no 1-D filters{hint} in {type(model).__name__}: nothing to log", stacklevel=3)
