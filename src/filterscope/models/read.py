"""Filters of a trained model, without a Trainer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch
import torch.fx
from torch import Tensor, nn

from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_patterns, check_sample_rate, given
from filterscope.filters.selection import sample_rates, select
from filterscope.models.checkpoint import read_state_dict
from filterscope.models.gather import gather
from filterscope.models.layers import FilterLayer, find_layers


def read_filters(
    model: nn.Module | Mapping[str, Tensor],
    layers: str | Sequence[str] | None = None,
    sample_rate: float | Mapping[str, float] | None = None,
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
        sample_rate: Hz at a layer's input: a number for the first layer read, or a mapping of globs to numbers.

    Returns:
        Banks by layer name, in model order. They share no memory with the model.

    Raises:
        TypeError: ``model`` is neither a module nor a mapping, or an argument is of the wrong type.
        ValueError: A glob matches no layer, or ``sample_rate`` is not positive and finite.

    Example:
        >>> from torch import nn
        >>> banks = read_filters(nn.Sequential(nn.Conv1d(1, 8, 31), nn.ReLU(), nn.Conv1d(8, 4, 5)))
        >>> {name: bank.weights.shape for name, bank in banks.items()}
        {'0': (8, 1, 31), '2': (4, 8, 5)}
    """
    check_patterns(layers)
    check_sample_rate(sample_rate)
    if isinstance(model, nn.Module):
        found = {layer.name: layer for layer in find_layers(model)}
        _warn_of_unseen(model, found)
        names = select({name: layer.taps for name, layer in found.items()}, layers)
        if layers is None:  # a single convolution was surely meant, whatever its kernel
            names = [name for name, layer in found.items() if name in names or layer.module is model]
        rates = sample_rates(names, sample_rate)
        gathered = gather([found[name] for name in names], rates)
        for name, reason in gathered.unreadable.items():
            raise ValueError(f"the weights of layer {name!r} cannot be read: {reason}")
        return gathered.banks
    if not isinstance(model, Mapping):
        hint = "; its .state_dict is one" if isinstance(getattr(model, "state_dict", None), Mapping) else ""
        raise TypeError(f"model must be a torch module or a state_dict, got {given(model)}{hint}")
    banks = read_state_dict(model)
    names = select({name: bank.taps for name, bank in banks.items()}, layers)
    rates = sample_rates(names, sample_rate)
    return {name: banks[name].with_fields(sample_rate=rates[name]) for name in names}


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
