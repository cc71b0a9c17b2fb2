"""What the first forward of a training tells: what to watch beside the modules' own weights, and at which rates."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from filterscope.filters.bank import FilterBank
from filterscope.filters.selection import select
from filterscope.models.alone import MOST_BYTES, Alone, alone
from filterscope.models.aside import CannotRunError
from filterscope.models.gather import as_bank, is_sharded
from filterscope.models.layers import find_layers
from filterscope.models.modes import can_observe
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
        fixed: Those that do not depend on parameters, and are not monitored: zeros, of their shapes.
        unwatched: Why a layer is not monitored, by name.
        noisy: Layers that convolve with another kernel in training than in evaluation mode.
        fault: What went wrong in observing.
    """

    layers: Mapping[str, SeenLayer] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    in_time: Mapping[str, bool] = field(default_factory=dict)
    fixed: tuple[FilterBank, ...] = ()
    unwatched: Mapping[str, str] = field(default_factory=dict)
    noisy: tuple[str, ...] = ()
    fault: Exception | None = None

    def messages(self) -> list[str]:
        """What to warn of."""
        said = []
        if self.unwatched:
            which = "; ".join(f"{name!r}: {why}" for name, why in self.unwatched.items())
            said.append(f"filterscope does not watch all that convolves: {which}")
        if self.noisy:
            which = ", ".join(map(repr, self.noisy))
            said.append(f"filterscope shows the kernel of {which} in evaluation mode: in training it is another one")
        if self.fault is not None:
            kind = type(self.fault).__name__
            said.append(f"filterscope could not follow the first batch ({kind}: {self.fault}): rates are unknown")
        return said


def hindrance(model: nn.Module) -> str | None:
    """Why a model is not observed, if it is not: what it runs is not what its modules' code says."""
    try:
        for module in model.modules():
            if type(module).__name__ == "OptimizedModule" or module._compiled_call_impl is not None:
                return "it is compiled"
            if getattr(module, "_compiler_ctx", None) is not None:
                return "it is compiled"
            if isinstance(module, torch.jit.ScriptModule):
                return "part of it is scripted"
        if not can_observe():
            return f"torch {torch.__version__} does not let it"
        if "torch._dynamo" in sys.modules and _calls_compiled(model):
            return "its code has compiled functions, which would be compiled once more"
        if is_sharded(model) or any(hasattr(parameter, "ds_id") for parameter in model.parameters()):
            return "it is sharded"
    except Exception as error:  # odd objects stand beside models
        return f"it cannot be told whether it is compiled ({type(error).__name__}: {error})"
    return None


def _calls_compiled(model: nn.Module) -> bool:
    """Whether a compiled function stands beside the code of a model's modules, or is held by one of them."""
    seen: set[int] = set()
    kinds = {kind for module in model.modules() for kind in type(module).__mro__}
    rooms = {
        sys.modules.get(kind.__module__) for kind in kinds if not kind.__module__.startswith(("torch.", "builtins"))
    }
    for room in list(rooms):
        package = getattr(room, "__name__", "").partition(".")[0]
        near = [each for each in vars(room).values() if isinstance(each, ModuleType)] if room is not None else []
        rooms |= {each for each in near if each.__name__.partition(".")[0] == package}
    for holder in (*rooms, *kinds, *model.modules()):
        for value in () if holder is None else list(vars(holder).values()):
            held = value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else [value]
            for each in held:
                function = getattr(each, "__func__", each) if isinstance(each, staticmethod | classmethod) else each
                if id(function) not in seen and "_torchdynamo_orig_callable" in getattr(function, "__dict__", ()):
                    return True
                seen.add(id(function))
    return False


def observation(model: nn.Module, settings: Settings, performed: list[Performed]) -> Observation:
    """What a forward tells of the layers that a user wants to watch, of a model with the same weights still."""
    told = account(model, find_layers(model), in_model_order(model, performed))
    places = storages(model)
    wanted = set(select({name: each.taps for name, each in told.seen.items()}, settings.layers, must_match=False))
    layers: dict[str, SeenLayer] = {}
    fixed: list[FilterBank] = []
    unwatched: dict[str, str] = {}
    noisy: list[str] = []
    known: dict[int, Alone] = {}  # inputs that are kept, by the forward that they are of
    for name in told.unknown:
        seen, is_named = told.seen[name], settings.layers is not None
        if name not in wanted:
            continue
        stored = stored_at(seen.kernel, places)
        if stored is not None:
            if is_named or stored.learns:
                layers[name] = SeenLayer.of(name, seen, stored)
            else:
                fixed.append(_without_weights(name, seen))
            continue
        try:
            room = MOST_BYTES - sum(each.nbytes for each in known.values())
            trial = alone(seen, room, known.get(id(seen.frame)))
        except CannotRunError as error:
            unwatched[name] = str(error)
            continue
        if not is_named and not trial.learns:
            fixed.append(_without_weights(name, seen))
            continue
        known.setdefault(id(seen.frame), trial.source)
        layers[name] = SeenLayer.of(name, seen, trial.source)
        if not trial.is_same:
            noisy.append(name)
    return Observation(layers, told.ratios, told.in_time, tuple(fixed), unwatched, tuple(noisy))


def _without_weights(name: str, seen: Performed) -> FilterBank:
    """A layer's shape, for the table."""
    return as_bank(
        replace(seen, name=name), torch.zeros((), dtype=torch.float32, device="cpu").expand(seen.kernel.shape)
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
