"""The weight with which a module convolves, whatever form it is stored in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize, prune

from filterscope.models.adapters import adapted
from filterscope.models.aside import aside
from filterscope.models.layers import FilterLayer


def effective_weight(layer: FilterLayer) -> Tensor | None:
    """The weight with which a layer convolves, computed without changing its module.

    Parametrizations run in evaluation mode, in which ``spectral_norm`` takes no power iteration; old-style
    ``weight_norm``, ``spectral_norm`` and pruning are recomputed from what the optimiser trains. A module for
    quantisation-aware training gives its float weight, a quantised one the numbers that its integers stand for. What
    adapters add is in it.

    Returns:
        The weight, on its device, possibly a DTensor; ``None`` while there is none (lazy, meta).
    """
    module: nn.Module = layer.module
    with torch.no_grad():
        if parametrize.is_parametrized(module, "weight"):
            parametrizations: Any = module.parametrizations
            with aside(list(parametrizations.weight.modules())):
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
