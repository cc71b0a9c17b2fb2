"""Filters of a trained model, without a Trainer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.fx
from torch import Tensor, nn

from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_channel_names, check_patterns, check_sample_rate, given
from filterscope.filters.selection import ChannelNames, first_alone, sample_rates, select
from filterscope.filters.selection import channel_names as names_of_channels
from filterscope.models.checkpoint import read_state_dict
from filterscope.models.gather import as_bank, gather, host_copies
from filterscope.models.layers import FilterLayer, find_layers
from filterscope.models.observe import observe
from filterscope.models.seen import account


def read_filters(
    model: nn.Module | Mapping[str, Tensor],
    layers: str | Sequence[str] | None = None,
    sample_rate: float | Mapping[str, float] | None = None,
    *,
    inputs: Tensor | tuple[Any, ...] | Mapping[str, Any] | None = None,
    channel_names: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
) -> dict[str, FilterBank]:
    """Read the 1-D filters of a model, a single convolution, or a ``state_dict``.

    Both give the same layers, but for what a ``state_dict`` does not hold: stride, dilation and groups; what a
    parametrization or an adapter does, of which a warning tells; and what a module is, so that an ``nn.Bilinear`` or a
    ``LayerNorm`` over three axes without bias looks like a convolution, and two layers that share all their tensors
    like one.

    Args:
        model: A module, which is left as it is, or tensors by name (a checkpoint with a ``"state_dict"`` will do).
            A convolution itself is called by its class name.
        layers: Globs on the dotted names; ``None`` for every layer with more than one tap, ``"*"`` for all.
        sample_rate: Hz: a number is that of the signal which the model's first convolution meets, or a mapping of globs
            gives layers' own. With ``inputs`` the rates of all layers follow from a number, where strides and pooling
            tell them for sure; without, only that of the model's first layer is known.
        inputs: One example batch, for layers that are no convolution modules: a tensor, a tuple of the arguments of the
            model's forward, or a dict of them by name. The forward is run once, in evaluation mode and without
            gradients; the model, its buffers and the random streams are left as they were. Every 1-D convolution that
            is performed there is read, fixed ones and those whose kernel is made in a ``forward`` too, under the name
            of the module that makes it; one that makes several has ``name#0``, ``name#1``. What convolves by FFT is
            not seen.
        channel_names: Names of the input channels of the model's first layer, such as ``"ACGT"`` or
            ``["Fz", "Cz"]``; or a mapping of globs to names of other layers' channels.

    Returns:
        Banks by layer name, in model order. They share no memory with the model.

    Raises:
        TypeError: ``model`` is neither a module nor a mapping, or an argument is of the wrong type.
        ValueError: A glob matches no layer, ``sample_rate`` is not positive and finite, or there are not as many
            ``channel_names`` as channels.
        Exception: What the model raises for these ``inputs``.

    Example:
        >>> from torch import nn
        >>> banks = read_filters(nn.Sequential(nn.Conv1d(1, 8, 31), nn.ReLU(), nn.Conv1d(8, 4, 5)))
        >>> {name: bank.weights.shape for name, bank in banks.items()}
        {'0': (8, 1, 31), '2': (4, 8, 5)}
    """
    check_patterns(layers)
    check_sample_rate(sample_rate)
    check_channel_names(channel_names)
    if isinstance(model, nn.Module):
        found = {layer.name: layer for layer in find_layers(model)}
        if inputs is not None:
            return _read_performed(model, found, inputs, layers, sample_rate, channel_names)
        _warn_of_unseen(model, found)
        names = select({name: layer.taps for name, layer in found.items()}, layers)
        if layers is None:  # a single convolution was surely meant, whatever its kernel
            names = [name for name, layer in found.items() if name in names or layer.module is model]
        rates = sample_rates(
            names, sample_rate, first_alone({name: layer.is_temporal for name, layer in found.items()})
        )
        named = names_of_channels({name: layer.channels for name, layer in found.items()}, channel_names)
        gathered = gather([found[name] for name in names], rates)
        for name, reason in gathered.unreadable.items():
            raise ValueError(f"the weights of layer {name!r} cannot be read: {reason}")
        return {name: bank.with_fields(channel_names=named[name]) for name, bank in gathered.banks.items()}
    if not isinstance(model, Mapping):
        hint = "; its .state_dict is one" if isinstance(getattr(model, "state_dict", None), Mapping) else ""
        raise TypeError(f"model must be a torch module or a state_dict, got {given(model)}{hint}")
    if inputs is not None:
        raise TypeError("inputs are for a module, which is run on them: a state_dict has nothing to run")
    banks = read_state_dict(model)
    names = select({name: bank.taps for name, bank in banks.items()}, layers)
    rates = sample_rates(names, sample_rate, first_alone({name: bank.in_time for name, bank in banks.items()}))
    named = names_of_channels({name: bank.channels for name, bank in banks.items()}, channel_names)
    return {
        name: banks[name].with_fields(
            sample_rate=rate, in_time=banks[name].in_time or rate is not None, channel_names=named[name]
        )
        for name, rate in rates.items()
    }


def _read_performed(
    model: nn.Module,
    found: Mapping[str, FilterLayer],
    inputs: Any,
    layers: str | Sequence[str] | None,
    sample_rate: float | Mapping[str, float] | None,
    channel_names: ChannelNames,
) -> dict[str, FilterBank]:
    """Filters of the convolutions that one forward performs; layers with adapters as they are without it."""
    told = account(model, list(found.values()), observe(model, inputs))
    if idle := [name for name in found if name not in told.seen]:
        warnings.warn(
            f"left out {', '.join(map(repr, idle))}: not performed by the forward on these inputs, in evaluation mode; "
            "read_filters(model) without inputs reads it",
            stacklevel=3,
        )
    names = select({name: each.taps for name, each in told.seen.items()}, layers, owner="the forward on these inputs")
    if layers is None:
        names = [name for name, each in told.seen.items() if name in names or each.module is model]
    rates = sample_rates(names, sample_rate, told.ratios)
    named = names_of_channels({name: each.channels for name, each in told.seen.items()}, channel_names)
    adapted = [found[name] for name in names if name in found and found[name].adapters]
    banks = gather(adapted, rates, told.in_time).banks
    chosen = {name: told.seen[name] for name in names if name not in banks}
    for (name, each), copy in zip(chosen.items(), host_copies([each.kernel for each in chosen.values()]), strict=True):
        banks[name] = as_bank(replace(each, name=name), copy, rates[name])
    return {name: banks[name].with_fields(channel_names=named[name]) for name in names}


def _warn_of_unseen(model: nn.Module, found: Mapping[str, FilterLayer]) -> None:
    """One warning for layers of scripted, traced or exported modules, of which only the tensors can be seen."""
    if not any(isinstance(module, torch.jit.ScriptModule | torch.fx.GraphModule) for module in model.modules()):
        return
    state = model.state_dict()
    if not any(isinstance(value, Tensor) for value in state.values()):
        return
    if unseen := [name for name in read_state_dict(state) if name not in found]:
        warnings.warn(
            f"left out {', '.join(map(repr, unseen))}: a scripted, traced or exported module does not tell what it is; "
            "read_filters(model.state_dict()) reads the weights",
            stacklevel=3,
        )
