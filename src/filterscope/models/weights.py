"""The weight with which a module convolves, whatever form it is stored in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize, prune

from filterscope.models.adapters import adapted
from filterscope.models.layers import FilterLayer


def effective_weight(layer: FilterLayer) -> Tensor | None:
    """The weight with which a layer convolves, computed without changing its module.

    Parametrizations run in evaluation mode, in which ``spectral_norm`` takes no power iteration; old-style
    ``weight_norm``, ``spectral_norm`` and pruning are recomputed from what the optimiser trains. A module for
    quantisation-aware training gives its float weight, a quantised one the numbers that its integers stand for. What
    adapters add is in it.

    Args:
        layer: A convolution, with its adapters.

    Returns:
        The weight, on its device, possibly a DTensor; ``None`` while there is none (lazy, meta).
    """
    module: nn.Module = layer.module
    with torch.no_grad():
        if parametrize.is_parametrized(module, "weight"):
            with _in_evaluation(module):
                weight = module.weight
        else:
            weight = _recomputed(module)
        if callable(weight) and not isinstance(weight, Tensor):  # quantised
            weight = weight()
        if not isinstance(weight, Tensor) or is_lazy(weight) or weight.is_meta:
            return None
        if weight.is_quantized:
            weight = weight.dequantize()
        for wrapper in layer.adapters:
            weight = adapted(weight, wrapper)
    return weight.detach()


@contextmanager
def _in_evaluation(module: nn.Module) -> Iterator[None]:
    """Parametrizations in evaluation mode; training flags, buffers and random states are put back."""
    parametrizations: Any = module.parametrizations
    parts = list(parametrizations.weight.modules())
    training = [part for part in parts if part.training]
    buffers = [dict(part._buffers) for part in parts]
    devices = {parameter.device for parameter in module.parameters() if parameter.is_cuda}
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the streams that users draw from
    with torch.random.fork_rng(devices=list(devices)):
        for part in training:
            part.training = False
        for part in parts:  # an observer changes its buffers in evaluation mode too: let it change copies
            part._buffers.update({name: each.clone() for name, each in part._buffers.items() if each is not None})
        try:
            yield
        finally:
            for part in training:
                part.training = True
            for part, own in zip(parts, buffers, strict=True):
                part._buffers.clear()
                part._buffers.update(own)
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def _recomputed(module: nn.Module) -> Any:
    """``module.weight``, renewed where an old-style hook would leave it as of the last forward."""
    hooks: list[Any] = list(module._forward_pre_hooks.values())
    for hook in hooks:
        kind = type(hook).__name__  # torch's old ones may go, and are nothing to import
        if kind == "WeightNorm" and getattr(hook, "name", "") == "weight":
            return hook.compute_weight(module)
        if kind == "SpectralNorm" and getattr(hook, "name", "") == "weight":
            return hook.compute_weight(module, do_power_iteration=False)
        if isinstance(hook, prune.BasePruningMethod) and getattr(hook, "_tensor_name", "") == "weight":
            return hook.apply_mask(module)
    return getattr(module, "weight", None)


def is_partitioned_by_deepspeed(layer: FilterLayer) -> bool:
    """Whether DeepSpeed ZeRO-3 left only placeholders of the layer's parameters."""
    return any(hasattr(parameter, "ds_id") for parameter in layer.parameters())
