"""What of the convolutions that a model performs is the weight of a layer, and how to read what is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import type_before_parametrizations

from filterscope.models.alone import Alone
from filterscope.models.layers import FilterLayer, unwrapped
from filterscope.models.observe import Convolution, Performed
from filterscope.models.weights import effective_weight


@dataclass(frozen=True, eq=False)
class Stored:
    """A kernel that is a parameter or buffer, or a view of one.

    Attributes:
        owner: The module that has it.
        name: Its name there.
        layout: Its shape and strides, of which the view is.
        view: Shape and strides of the kernel, and where in the storage it begins.
    """

    owner: nn.Module
    name: str
    layout: tuple[torch.Size, tuple[int, ...]]
    view: tuple[torch.Size, tuple[int, ...], int]

    @property
    def learns(self) -> bool:
        """Whether it is a parameter."""
        return self.name in self.owner._parameters

    def kernel(self) -> Tensor:
        """As it is now.

        Raises:
            RuntimeError: There is another tensor in its place.
        """
        tensor = _own(self.owner, self.name)
        if tensor is None or (tensor.shape, tensor.stride()) != self.layout:
            raise RuntimeError(f"its tensor {self.name!r} is not what it was when the model first ran")
        shape, strides, offset = self.view
        return tensor.detach().as_strided(shape, strides, tensor.storage_offset() + offset)


@dataclass(frozen=True, eq=False)
class SeenLayer(Convolution):
    """A layer that was seen to convolve, with a kernel that is not the weight of a module known to convolve.

    It is called by the module that makes the kernel, with ``#0``, ``#1`` where that makes several.

    Attributes:
        source: Where its kernel is had from.
    """

    source: Stored | Alone

    @classmethod
    def of(cls, name: str, seen: Performed, source: Stored | Alone) -> SeenLayer:
        """A layer from what was seen of it."""
        known = {each.name: getattr(seen, each.name) for each in fields(Convolution)}
        return cls(**known | {"name": name}, source=source)

    def parameters(self) -> Iterator[nn.Parameter]:
        """None that strategies would have to gather: sharded models are not observed."""
        return iter(())


@dataclass(frozen=True)
class Account:
    """Convolutions that a model performed.

    Attributes:
        seen: By the names of layers, in model order.
        unknown: Names of those whose kernel is not the weight of a module known to convolve.
    """

    seen: Mapping[str, Performed]
    unknown: Sequence[str]

    @property
    def ratios(self) -> dict[str, float]:
        """Samples at a layer's input per sample of what the first convolution meets, where that is known."""
        return {name: float(each.rate) for name, each in self.seen.items() if each.rate is not None}

    @property
    def in_time(self) -> dict[str, bool]:
        """Whether a layer's taps are samples in time."""
        return {name: each.is_temporal for name, each in self.seen.items()}


def account(model: nn.Module, found: Sequence[FilterLayer], performed: Sequence[Performed]) -> Account:
    """Tell which layer's weight each kernel is; the model has not changed since it performed them, in its order."""
    stored = storages(model)
    by_module = {id(layer.module): layer for layer in found}
    parts = {id(part) for layer in found for wrapper in layer.adapters for part in wrapper.modules()}
    known: dict[int, str] = {}  # layers by places in what was performed
    unknown: list[Performed] = []
    views = set()
    performed = [each for each in performed if _has_storage(each.kernel)]
    for each in performed:
        place = stored_at(each.kernel, stored)
        owner = None if place is None or place.name != "weight" else by_module.get(id(place.owner))
        layer = by_module.get(id(each.module))
        if id(each.module) in parts or (owner is None and layer is not None and _is_weight(each.kernel, layer)):
            owner = layer
        if owner is not None:
            known[id(each)] = owner.name
        elif id(each.module) not in parts:
            view = None if place is None else (each.module, place.owner, place.name, place.view)
            if view is None or view not in views:  # what a module convolves with twice is one layer
                unknown.append(each)
                views.add(view)
    makers = [id(each.module) for each in unknown]
    seen: dict[str, Performed] = {}
    names = []
    for each in performed:
        if id(each) in known:
            seen.setdefault(known[id(each)], each)
        elif any(each is other for other in unknown):
            layer = by_module.get(id(each.module))
            name = each.name if layer is None else layer.name
            name = f"{name}#{each.number}" if makers.count(id(each.module)) > 1 or name in seen else name
            seen[name] = each
            names.append(name)
    return Account(seen, names)


def stored_at(kernel: Tensor, storages: Mapping[int, Sequence[tuple[nn.Module, str, Tensor]]]) -> Stored | None:
    """The parameter or buffer that a kernel is, or is a view of."""
    if kernel.is_conj() or kernel.is_neg() or not kernel.numel():
        return None
    for owner, name, tensor in storages.get(kernel.untyped_storage().data_ptr(), ()):
        if tensor.dtype == kernel.dtype:
            offset = int(kernel.storage_offset() - tensor.storage_offset())
            return Stored(owner, name, (tensor.shape, tensor.stride()), (kernel.shape, kernel.stride(), offset))
    return None


def _has_storage(kernel: Tensor) -> bool:
    """Whether a kernel is a tensor of numbers, and no stand-in for several or for what is traced."""
    try:
        return kernel.untyped_storage().data_ptr() != 0
    except Exception:
        return False


def storages(model: nn.Module) -> dict[int, list[tuple[nn.Module, str, Tensor]]]:
    """Where parameters and buffers are."""
    places: dict[int, list[tuple[nn.Module, str, Tensor]]] = {}
    for module in unwrapped(model).modules():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None and not is_lazy(tensor) and tensor.layout == torch.strided and tensor.numel():
                places.setdefault(tensor.untyped_storage().data_ptr(), []).append((module, name, tensor))
    return places


def _own(module: nn.Module, name: str) -> Tensor | None:
    tensor = module._parameters.get(name)
    return module._buffers.get(name) if tensor is None else tensor


def _is_weight(kernel: Tensor, layer: FilterLayer) -> bool:
    """Whether a kernel is what is known to be a layer's weight, in whatever form that is stored.

    A class of torch's own convolves with its weight, however costly that is to compute.
    """
    if type_before_parametrizations(layer.module).__module__.startswith("torch."):
        return True
    weight = effective_weight(layer)
    return weight is not None and weight.shape == kernel.shape and torch.equal(weight.to(kernel.dtype), kernel)
