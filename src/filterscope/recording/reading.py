"""One reading of a model: which layers are monitored, what they hold now, and what to tell of them at the start."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.filters.bank import FilterBank
from filterscope.filters.selection import as_globs, channel_names, first_alone, sample_rates, select, unmatched
from filterscope.filters.words import plural
from filterscope.models.alone import Alone
from filterscope.models.gather import Gathered, Layer, gather
from filterscope.models.layers import FilterLayer, clean_name, find_layers, unwrapped
from filterscope.models.seen import SeenLayer
from filterscope.recording.observation import Observation, fingerprint
from filterscope.recording.settings import Settings

#: Bytes of raw filters above which a fit is told so at its start.
LARGE = 2**30


@dataclass(frozen=True)
class Reading:
    """The banks of all monitored layers at one moment, as read from the model.

    Attributes:
        banks: By layer name, in model order, all filters.
        time: When, in seconds since 1970.
        fixed: Layers that are there and not monitored, without weights.
        prints: Of layers with a computed kernel, what tells whether it was computed from the same, by name.
    """

    banks: Mapping[str, FilterBank]
    time: float
    fixed: tuple[FilterBank, ...] = ()
    prints: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return sum(bank.weights.nbytes for bank in self.banks.values())


def read(
    model: nn.Module,
    settings: Settings,
    keep: bool = True,
    observed: Observation | None = None,
    known: Mapping[str, FilterBank] | None = None,
    waits: bool = False,
) -> tuple[Reading | None, dict[str, str]]:
    """Read the monitored layers of a model; all ranks of a sharded one must do so together.

    Args:
        model: As it is trained, wrapped or not.
        settings: Which layers are monitored.
        keep: Whether this rank needs the result.
        observed: What a forward told, if one was observed.
        known: Weights of modules that were read just before that forward, by layer.
        waits: Whether a forward is still to be observed: names of channels that fit nothing yet are then no fault.

    Returns:
        The weights, if there are any yet; and why a layer could not be read, by its name.
    """
    layers, temporal = _layers(model, observed)
    names = select({name: layer.taps for name, layer in layers.items()}, settings.layers, must_match=False)
    ratios, in_time = (first_alone(temporal), {}) if observed is None else (observed.ratios, observed.in_time)
    rates = sample_rates(names, settings.sample_rate, ratios, must_match=False)
    seen = {name: layer for name in names if isinstance(layer := layers[name], SeenLayer)}
    read_before = {name: bank for name, bank in (known or {}).items() if name in names and name not in seen}
    unread = [layers[name] for name in names if name not in read_before]
    gathered = gather(unread, rates, in_time, wrapped=model, keep=keep) if unread else Gathered()
    banks = gathered.banks | {
        name: bank.with_fields(sample_rate=rates[name], in_time=in_time.get(name, bank.in_time))
        for name, bank in read_before.items()
    }
    if not banks:
        return None, gathered.unreadable
    alone = {name: layer.module for name, layer in seen.items() if isinstance(layer.source, Alone)}
    prints = {module: fingerprint(module) for module in set(alone.values())}  # one for all kernels of a module
    computed = {name: prints[module] for name, module in alone.items()}
    fixed = () if observed is None else observed.fixed
    ordered = {name: banks[name] for name in names if name in banks}
    if settings.channel_names is not None:
        counts = {name: _channels(layer) for name, layer in layers.items()}
        counts |= {name: bank.channels for name, bank in ordered.items()}
        named = channel_names(counts, settings.channel_names, must_fit=False)
        ordered = {name: bank.with_fields(channel_names=named[name]) for name, bank in ordered.items()}
        if not waits:
            _warn_of_names(counts, settings, _modules(model))
    return Reading(ordered, time.time(), fixed, computed), gathered.unreadable


def _layers(model: nn.Module, observed: Observation | None) -> tuple[dict[str, Layer], dict[str, bool]]:
    """All layers in model order, those that were observed in the place of their modules'; and which are in time."""
    layers: dict[str, Layer] = {layer.name: layer for layer in find_layers(model)}
    temporal = {name: layer.is_temporal for name, layer in layers.items()}
    if observed is not None and observed.layers:
        places = {id(module): place for place, module in enumerate(unwrapped(model).modules())}
        layers |= {name: layer for name, layer in observed.layers.items() if id(layer.module) in places}
        layers = dict(sorted(layers.items(), key=lambda item: places[id(item[1].module)]))
    return layers, temporal


def _channels(layer: Layer) -> int:
    """Channels that a filter reads, 0 where only its kernel tells."""
    return layer.channels if isinstance(layer, FilterLayer) else 0


def _warn_of_names(channels: Mapping[str, int], settings: Settings, modules: Mapping[str, str]) -> None:
    """A warning of names that do not fit a layer of which that was not known at the start; Python gives it once.

    Globs that match no layer are told by :func:`missing`.
    """
    try:
        channel_names(channels, settings.channel_names, modules=modules, waits=True)
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


def check_layers(model: nn.Module, settings: Settings, seen: Sequence[str] = (), waits: bool = False) -> None:
    """Refuse globs that match no layer, and names that are not as many as a layer's channels.

    Layers that were seen in an earlier fit are known; globs of modules may be right if a first forward is waited for.

    Raises:
        ValueError: Says which, and what there is.
    """
    found = find_layers(model)
    taps = {layer.name: layer.taps for layer in found} | dict.fromkeys(seen, 2)
    modules = _modules(model)
    names = select(taps, settings.layers, modules=modules, waits=waits)
    sample_rates(names, settings.sample_rate, {}, modules=modules, waits=waits)
    channels = dict.fromkeys(seen, 0) | {layer.name: _channels(layer) for layer in found}
    channel_names(channels, settings.channel_names, modules=modules, waits=waits)


def same_weights(reading: Reading, other: Reading) -> bool:
    """Whether all that a reading holds is in another, equal to the last bit.

    Computed kernels are what they are computed from: after a fit the model is on another device, with other sines.
    """
    return all(
        reading.prints[name] == other.prints[name]
        if name in reading.prints and name in other.prints
        else name in other.banks
        and np.array_equal(bank.weights.view(np.int32), other.banks[name].weights.view(np.int32))
        for name, bank in reading.banks.items()
    )


def missing(model: nn.Module, settings: Settings, observed: Observation | None) -> list[str]:
    """What a user asks for and does not get, once it is known what convolves."""
    layers, _ = _layers(model, observed)
    names = list(layers) if observed is None else list(dict.fromkeys([*observed.in_time, *layers]))
    wrong = [
        f"filterscope: {option}={globs!r}: {each}"
        for option, globs in _globs(settings).items()
        for each in unmatched(as_globs(globs), names, "the layers are", _modules(model))
    ]
    if not select({name: layer.taps for name, layer in layers.items()}, settings.layers, must_match=False):
        hint = ""
        if settings.layers is None and layers:
            hint = " with more than one tap; layers='*' takes pointwise ones too"
        elif settings.layers is None and observed is not None and observed.fixed:
            hint = " that learn; layers='*' takes the others too"
        elif not layers and any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
            hint = " that tell what they are (scripted and traced ones do not: give the model that they were made of)"
        if not layers or not wrong:
            wrong = [f"filterscope found no 1-D filters{hint} in {type(unwrapped(model)).__name__}: nothing to log"]
    return wrong


def _globs(settings: Settings) -> dict[str, str | Sequence[str] | Mapping[str, Any]]:
    """What names layers by globs, by option."""
    rates, names = settings.sample_rate, settings.channel_names
    given = {
        "layers": settings.layers,
        "sample_rate": rates if isinstance(rates, Mapping) else None,
        "channel_names": names if isinstance(names, Mapping) else None,
    }
    return {option: globs for option, globs in given.items() if globs is not None}


def _modules(model: nn.Module) -> dict[str, str]:
    """Kinds of all modules, by name; the model itself is called by its own."""
    root = unwrapped(model)
    return {clean_name(name) or type(root).__name__: type(module).__name__ for name, module in root.named_modules()}
