"""What the first forward of a training tells: what to watch beside the modules' own weights, and at which rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from filterscope.filters.bank import FilterBank
from filterscope.filters.selection import select
from filterscope.models.alone import MOST_BYTES, CannotRunError, alone
from filterscope.models.gather import is_sharded
from filterscope.models.layers import find_layers
from filterscope.models.observe import Performed, in_model_order
from filterscope.models.seen import SeenLayer, account, storages, stored_at
from filterscope.recording.settings import Settings


@dataclass(frozen=True)
class Observation:
    """What was seen, for the layers that are monitored.

    Attributes:
        layers: Layers that no module's weight tells of, by name.
        ratios: Samples at a layer's input per sample of what the first convolution meets, where known.
        in_time: Whether a layer's taps are samples in time.
        fixed: Those that no training changes, and that are not monitored: zeros, of their shapes.
        unwatched: Why a layer is not monitored, by name.
        noisy: Layers that convolve with another kernel in training than in evaluation mode.
    """

    layers: Mapping[str, SeenLayer] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    in_time: Mapping[str, bool] = field(default_factory=dict)
    fixed: tuple[FilterBank, ...] = ()
    unwatched: Mapping[str, str] = field(default_factory=dict)
    noisy: tuple[str, ...] = ()

    def messages(self) -> list[str]:
        """What to warn of."""
        said = []
        if self.unwatched:
            which = "; ".join(f"{name!r}: {why}" for name, why in self.unwatched.items())
            said.append(f"filterscope does not watch all that convolves: {which}")
        if self.noisy:
            which = ", ".join(map(repr, self.noisy))
            said.append(f"filterscope shows the kernel of {which} in evaluation mode: in training it is another one")
        return said


def hindrance(model: nn.Module) -> str | None:
    """Why a model is not observed, if it is not: what it runs is not what its modules' code says."""
    for module in model.modules():
        if type(module).__name__ == "OptimizedModule" or module._compiled_call_impl is not None:
            return "it is compiled"
        if getattr(module, "_compiler_ctx", None) is not None:
            return "it is compiled"
        if isinstance(module, torch.jit.ScriptModule):
            return "part of it is scripted"
    if is_sharded(model) or any(hasattr(parameter, "ds_id") for parameter in model.parameters()):
        return "it is sharded"
    return None


def observation(model: nn.Module, settings: Settings, performed: list[Performed]) -> Observation:
    """What a forward tells of the layers that a user wants to watch.

    Args:
        model: That performed it, with the same weights still.
        settings: Which layers are wanted.
        performed: What was seen.
    """
    told = account(model, find_layers(model), in_model_order(model, performed))
    fixed = {name for name in told.unknown if not told.seen[name].needs_gradient}
    offered = {name: each.taps for name, each in told.seen.items() if settings.layers is not None or name not in fixed}
    wanted = set(select(offered, settings.layers, must_match=False))
    places = storages(model)
    layers: dict[str, SeenLayer] = {}
    unwatched: dict[str, str] = {}
    noisy = []
    room = MOST_BYTES
    for name in told.unknown:
        if name not in wanted:
            continue
        seen = told.seen[name]
        if (stored := stored_at(seen.kernel, places)) is not None:
            layers[name] = SeenLayer.of(name, seen, stored)
            continue
        try:
            source, is_same = alone(seen, room)
        except CannotRunError as error:
            unwatched[name] = str(error)
            continue
        room -= source.nbytes
        if not is_same:
            noisy.append(name)
        layers[name] = SeenLayer.of(name, seen, source)
    return Observation(
        layers,
        told.ratios,
        told.in_time,
        tuple(_without_weights(name, told.seen[name]) for name in told.unknown if name in fixed - wanted),
        unwatched,
        tuple(noisy),
    )


def _without_weights(name: str, seen: Performed) -> FilterBank:
    """A layer's shape, for the table."""
    shape = (*seen.kernel.shape[:2], seen.taps)
    return FilterBank.owning(
        name,
        np.broadcast_to(np.float32(0), shape),
        stride=seen.stride,
        dilation=seen.dilation,
        groups=seen.groups,
        transposed=seen.transposed,
    )


def fingerprint(module: nn.Module) -> tuple[int, ...]:
    """A number for each parameter and buffer of a module, the same on every device for the same bits."""
    kinds = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    sums = []
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.layout == torch.strided and not tensor.is_quantized and not is_lazy(tensor):
            real = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
            sums.append(int(real.contiguous().view(kinds[real.element_size()]).sum(dtype=torch.int64)))
    return tuple(sums)
