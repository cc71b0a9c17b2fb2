"""Layers that PEFT wraps to fine-tune them: LoRA, DoRA, LoHa, LoKr.

Its wrappers are known by their shape, so that peft need not be installed. Checked with peft 0.21.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

#: Of wrappers whose ``get_delta_weight`` is added to the weight; others (OFT, BOFT, IA3) turn or scale it.
_ADDED = ("lora_A", "hada_w1_a", "lokr_w1")
_LORA = {"lora_A", "lora_B"}
#: What a layer's wrapper has beside its parts.
_OF_A_LAYER = ("active_adapters", "disable_adapters", "merged", "get_base_layer")
#: Where a name in a ``state_dict`` goes on inside a wrapper: the layer itself, and what is trained.
_PART = re.compile(
    r"(^|\.)(?P<part>base_layer|lora_(A|B|embedding_A|embedding_B|magnitude_vector)|hada_(w1|w2|t1|t2)(_a|_b)?"
    r"|lokr_(w1|w2|t2)(_a|_b)?|oft_(R|r|s)|boft_(R|s)|ia3_l|hra_u|hira_(A|B))(?=\.|$)"
)
#: A weight of the layer's own, plain or put together of parts.
_OWN_WEIGHT = re.compile(r"\.(weight|parametrizations\.weight)")
#: A layer that is trained as a whole has a copy for each adapter, beside its original.
_COPY = re.compile(r"(^|\.)modules_to_save\.(?P<name>[^.]+)")
_ORIGINAL = re.compile(r"(^|\.)original_module(?=\.|$)")
#: What ``get_peft_model`` puts before the names of the user's model.
_ROOT = re.compile(r"(^|\.)base_model\.model(?=\.|$)")


def is_adapter(module: nn.Module) -> bool:
    """Whether a module is a layer of the user's with adapters around it."""
    return "base_layer" in module._modules and all(hasattr(module, name) for name in _OF_A_LAYER)


def inside(module: nn.Module) -> nn.Module | None:
    """What stands in the place of one of PEFT's modules in the model without it; ``None`` for any other module."""
    parts = module._modules
    if not parts:
        return None
    if is_adapter(module):
        return parts["base_layer"]
    if "modules_to_save" in parts and "original_module" in parts and hasattr(module, "active_adapters"):
        wrapper: Any = module  # of a layer that is trained as a whole
        names = [] if wrapper.disable_adapters else wrapper.active_adapters
        copies = wrapper.modules_to_save
        return next((copies[name] for name in names if name in copies), parts["original_module"])
    if "base_model" in parts and hasattr(module, "peft_config") and hasattr(module, "get_base_model"):
        tuner: Any = parts["base_model"]  # where prompts are tuned, it is the user's own model
        inner: nn.Module = tuner.model if hasattr(tuner, "targeted_module_names") else tuner
        return inner
    return None


def adapted(weight: Tensor, wrapper: Any) -> Tensor:
    """A convolution's weight with what the active adapters of the wrapper around it add to it, on the same device.

    Raises:
        NotImplementedError: No weight of this shape is the two together, or how is not known.
    """
    if wrapper.disable_adapters and wrapper.merged:
        raise NotImplementedError("its adapters are merged and disabled; unmerge() them")
    if wrapper.disable_adapters or wrapper.merged:  # what is merged is in the weight already
        return weight
    kind = next((kind for kind in _ADDED if hasattr(wrapper, kind)), None)
    if kind is None:
        raise NotImplementedError(f"adapters of the kind {type(wrapper).__name__} can be read once merge() put them in")
    if kind == "lora_A" and wrapper.get_base_layer().groups > 1:
        raise NotImplementedError("LoRA joins the groups that the convolution keeps apart")
    total = weight
    magnitudes = getattr(wrapper, "lora_magnitude_vector", None) or {}
    for name in wrapper.active_adapters:
        if name in getattr(wrapper, kind):
            delta = wrapper.get_delta_weight(name)
            total = total + delta
            if name in magnitudes:  # DoRA trains the norms of the filters by themselves
                turned = weight + delta
                norm = torch.linalg.vector_norm(turned, dim=tuple(range(1, turned.ndim)), keepdim=True)
                total = total * (magnitudes[name].weight.reshape(norm.shape) / norm)
    return total


class PlainNames:
    """What the modules of a ``state_dict`` are called in the model without PEFT.

    Args:
        keys: All that the ``state_dict`` holds.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = list(keys)
        self._wrapped: dict[str, set[str]] = {}
        self._based: set[str] = set()
        self._copies: dict[str, set[str]] = {}
        for key in self._keys:
            if found := _PART.search(key):
                self._wrapped.setdefault(key[: found.start()], set()).add(found["part"])
                if found["part"] == "base_layer" and _OWN_WEIGHT.match(key, found.end()):
                    self._based.add(key[: found.start()])
            if found := _COPY.search(key):
                self._copies.setdefault(key[: found.start()], set()).add(found["name"])
        paths = [*self._copies, *(head for head in self._wrapped if self._is_wrapper(head))]
        self._roots = {path[: found.start()] for path in paths if (found := _ROOT.search(path))}

    def of(self, path: str) -> tuple[str | None, bool]:
        """The name of a module.

        Args:
            path: Of the module in the ``state_dict``.

        Returns:
            Its name, ``None`` where PEFT alone knows it; and whether its weight can be known from a ``state_dict``,
            where neither the scale of an adapter is stored nor which adapter is active.
        """
        if (found := _PART.search(path)) and self._is_wrapper(path[: found.start()]):
            return self._without_root(path[: found.start()]), False
        if (found := _ORIGINAL.search(path)) and path[: found.start()] in self._copies:
            return None, True
        if found := _COPY.search(path):
            head = path[: found.start()]
            return self._without_root(head + path[found.end() :]), len(self._copies[head]) == 1
        return self._without_root(path), True

    def _is_wrapper(self, head: str) -> bool:
        """Whether a layer is there with its adapters, or the adapters alone, as PEFT saves them."""
        parts = self._wrapped[head]
        if head in self._based:
            return len(parts) > 1
        within = (key for key in self._keys if f".{key}".startswith(f".{head}." if head else "."))
        return parts >= _LORA and all(_PART.match(key, len(head)) for key in within)

    def _without_root(self, path: str) -> str:
        found = _ROOT.search(path)
        if found is None or path[: found.start()] not in self._roots:
            return path
        return (path[: found.start()] + path[found.end() :]).lstrip(".")
