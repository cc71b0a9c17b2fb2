"""Full weights of layers on the host, from plain, DDP, FSDP and DTensor models."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
import torch.distributed
from torch import Tensor, nn

from filterscope.filters.bank import FilterBank
from filterscope.models.layers import FilterLayer
from filterscope.models.observe import Performed
from filterscope.models.seen import SeenLayer
from filterscope.models.weights import effective_weight, is_partitioned_by_deepspeed

#: Bytes from which on a copy has pages of its own, which go back to the system with it: malloc would keep them. New
#: pages take the training thread as long as the copy does, so that smaller layers go without.
_LARGE = 2**22


#: What can be read.
Layer: TypeAlias = FilterLayer | SeenLayer


@dataclass
class Gathered:
    """What one reading of a model gave.

    Attributes:
        banks: Banks by layer name, in model order; layers that have no weights yet are left out.
        unreadable: Why a layer could not be read, by its name.
    """

    banks: dict[str, FilterBank] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def is_sharded(model: nn.Module) -> bool:
    """Whether ranks hold parts of the model, so that all of them must take part in a reading."""
    return _is_distributed() and (
        bool(_fsdp_units(model)) or any(_is_dtensor(parameter) for parameter in model.parameters())
    )


def _is_distributed() -> bool:
    """Whether there can be sharded weights; to look for them takes longer than to read a small model."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def gather(
    layers: Sequence[Layer],
    rates: Mapping[str, float | None] | None = None,
    in_time: Mapping[str, bool] | None = None,
    *,
    wrapped: nn.Module | None = None,
    keep: bool = True,
) -> Gathered:
    """Read layers, in full on every strategy. All ranks of a sharded model must call it together.

    Sharded weights are collected one FSDP unit, or one DTensor, at a time: the extra memory at its peak is the
    largest of them.

    Args:
        layers: The same layers in the same order on all ranks.
        rates: Sample rate at the input of each layer.
        in_time: Whether a layer's taps are samples in time, where its kind does not tell.
        wrapped: The model as the strategy wraps it.
        keep: Whether this rank needs the result; others only take part in the communication.

    Returns:
        Banks that share no memory with the model, and what could not be read.
    """
    found = Gathered()
    for group, context in _groups(layers, wrapped):
        readable: list[tuple[Layer, Tensor]] = []
        with context:
            for layer in group:
                try:
                    weight = _full(layer)
                except Exception as error:  # a parametrization of the user's may raise anything
                    found.unreadable[layer.name] = f"{type(error).__name__}: {error}"
                    continue
                if keep and weight is not None and weight.numel():
                    readable.append((layer, weight))
            copies = host_copies([weight for _, weight in readable])
        for (layer, _), copy in zip(readable, copies, strict=True):
            try:
                found.banks[layer.name] = as_bank(
                    layer, copy, (rates or {}).get(layer.name), (in_time or {}).get(layer.name)
                )
            except Exception as error:  # a subclass may keep a weight of any shape
                found.unreadable[layer.name] = f"{type(error).__name__}: {error}"
    found.banks = {layer.name: found.banks[layer.name] for layer in layers if layer.name in found.banks}
    return found


def as_bank(
    layer: Layer | Performed, weight: Tensor, rate: float | None = None, in_time: bool | None = None
) -> FilterBank:
    """A bank from a host copy of a layer's weight, which it keeps, whatever its number of kernel axes.

    Whether taps are samples in time may be known; by default those of a ``Conv2d`` are where a rate, in Hz, is given.
    """
    known = layer.is_temporal or (isinstance(layer, FilterLayer) and rate is not None)
    return FilterBank.owning(
        layer.name,
        weight.reshape(*weight.shape[:2], -1).numpy(),
        stride=layer.stride,
        dilation=layer.dilation,
        groups=layer.groups,
        transposed=layer.transposed,
        sample_rate=rate,
        in_time=known if in_time is None else in_time,
    )


def _groups(
    layers: Sequence[Layer], wrapped: nn.Module | None
) -> Iterator[tuple[list[Layer], AbstractContextManager[Any]]]:
    """Layers to read together, and the context in which their weights are whole."""
    if not _is_distributed():
        yield list(layers), nullcontext()
        return
    units = _fsdp_units(wrapped) if wrapped is not None else []
    if not units:
        alone = [layer for layer in layers if any(_is_dtensor(p) for p in layer.parameters())]
        together = [layer for layer in layers if layer not in alone]
        yield together, nullcontext()
        for layer in alone:
            yield [layer], nullcontext()
        return
    from torch.distributed.fsdp import FullyShardedDataParallel

    inside = {id(unit): _own_modules(unit) for unit in units}
    claimed = set().union(*inside.values())
    yield [layer for layer in layers if id(layer.module) not in claimed], nullcontext()
    for number, unit in enumerate(units):
        members = [layer for layer in layers if id(layer.module) in inside[id(unit)]]
        if members or number == 0:  # the root unit must come first: it initialises all others
            yield members, FullyShardedDataParallel.summon_full_params(unit, recurse=False, writeback=False)


def _fsdp_units(model: nn.Module) -> list[Any]:
    fsdp = _loaded("torch.distributed.fsdp", "FullyShardedDataParallel")
    return [] if fsdp is None else [module for module in model.modules() if isinstance(module, fsdp)]


def _own_modules(unit: nn.Module) -> set[int]:
    """Ids of the modules whose parameters an FSDP unit holds: below it, but not below another unit."""
    from torch.distributed.fsdp import FullyShardedDataParallel

    own, open_ = set(), list(unit.children())
    while open_:
        module = open_.pop()
        if not isinstance(module, FullyShardedDataParallel):
            own.add(id(module))
            open_ += module.children()
    return own


def _is_dtensor(tensor: Tensor) -> bool:
    dtensor = _loaded("torch.distributed.tensor", "DTensor")
    return dtensor is not None and isinstance(tensor, dtensor)


def _loaded(module: str, name: str) -> type | None:
    """A class, if anyone has imported its module: without, there are no objects of it, and importing takes seconds."""
    return getattr(sys.modules.get(module), name, None)


def _full(layer: Layer) -> Tensor | None:
    if isinstance(layer, SeenLayer):
        return layer.source.kernel()
    if is_partitioned_by_deepspeed(layer):
        raise NotImplementedError("DeepSpeed ZeRO-3 partitions it, which filterscope does not support")
    weight = effective_weight(layer)
    return weight.full_tensor() if weight is not None and _is_dtensor(weight) else weight  # type: ignore[attr-defined]


def host_copies(weights: Sequence[Tensor]) -> list[Tensor]:
    """Copies on the host, float32 or complex64; from CUDA through pinned memory, with one wait for all."""
    copies = []
    for weight in weights:
        dtype = torch.complex64 if weight.is_complex() else torch.float32
        nbytes = weight.numel() * dtype.itemsize
        if nbytes >= _LARGE and not weight.is_cuda:
            copy = torch.frombuffer(mmap.mmap(-1, nbytes), dtype=dtype).reshape(weight.shape)
        else:
            copy = torch.empty(weight.shape, dtype=dtype, pin_memory=weight.is_cuda, device="cpu")  # despite defaults
        copy.copy_(weight, non_blocking=weight.is_cuda)
        copies.append(copy)  # not what copy_ returns, which may be of the weight's own tensor class
    if any(weight.is_cuda for weight in weights):
        torch.cuda.current_stream().synchronize()
    return copies
