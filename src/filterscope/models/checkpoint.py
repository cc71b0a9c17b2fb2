"""Banks from a ``state_dict`` or a checkpoint: no model needed.

Names and shapes tell the layers: a ``weight`` of three axes, or of four of which one kernel axis has length 1.
Stride, dilation and groups are not stored there, and a transposed convolution looks like a plain one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from filterscope.filters.bank import FilterBank
from filterscope.models.layers import clean_name


def read_state_dict(state: Mapping[str, Any]) -> dict[str, FilterBank]:
    """All layers with 1-D filters of a ``state_dict``, or of a checkpoint that holds one.

    A checkpoint's is looked for under ``"state_dict"``, ``"model_state_dict"`` and ``"model"``.

    Weights under ``weight_norm``, ``spectral_norm`` and pruning are put together from what is stored.

    Args:
        state: Tensors by name.

    Returns:
        Banks by layer name, in the order of the state.

    Raises:
        ValueError: Not a mapping of names to tensors.
    """
    nested = (state.get(key) for key in ("state_dict", "model_state_dict", "model"))
    tensors = next((each for each in nested if isinstance(each, Mapping)), state)
    if not any(isinstance(value, Tensor) for value in tensors.values()):
        keys = ", ".join(map(str, list(tensors)[:5])) or "nothing"
        raise ValueError(f"no tensors in this mapping (it holds {keys}); give a state_dict, or a checkpoint with one")
    banks = {}
    for key in tensors:
        layer, weight = _weight(str(key), tensors)
        if weight is None or weight.is_meta or not _is_filter(weight):
            value = tensors[key]
            is_original = str(key).endswith("parametrizations.weight.original") and isinstance(value, Tensor)
            if weight is None and is_original and _is_filter(value):
                warnings.warn(
                    f"{layer!r} has a parametrization that a state_dict does not hold: left out", stacklevel=3
                )
            continue
        layer = clean_name(layer) or "weight"
        dtype = torch.complex64 if weight.is_complex() else torch.float32
        copy = weight.detach().to("cpu", dtype, copy=True)
        banks[layer] = FilterBank(layer, copy.reshape(*weight.shape[:2], -1).numpy())
    return banks


def _is_filter(weight: Tensor) -> bool:
    if weight.ndim == 4:
        return (weight.shape[2] > 1) != (weight.shape[3] > 1)
    return weight.ndim == 3


def _weight(key: str, tensors: Mapping[str, Any]) -> tuple[str, Tensor | None]:
    """Layer and effective weight that a key stands for; ``None`` if it stands for none."""
    head, _, last = key.rpartition(".")

    def stored(name: str) -> Tensor | None:
        value = tensors.get(f"{head}.{name}" if head else name)
        return value if isinstance(value, Tensor) else None

    layer = head or "weight"
    if last == "weight":
        return layer, stored("weight")
    if last == "weight_g" and (direction := stored("weight_v")) is not None:
        return layer, _weight_norm(tensors[key], direction)
    if last == "weight_orig":
        original, mask = tensors[key], stored("weight_mask")
        if mask is not None:
            return layer, original * mask
        left, right = stored("weight_u"), stored("weight_v")
        if left is not None and right is not None:
            return layer, _spectral_norm(original, left, right)
    if head.endswith("parametrizations.weight"):
        layer = head.removesuffix("parametrizations.weight").rstrip(".") or "weight"
        if last == "original0" and (direction := stored("original1")) is not None:
            return layer, _weight_norm(tensors[key], direction)
        if last == "original":
            left, right = stored("0._u"), stored("0._v")
            if left is not None and right is not None:
                return layer, _spectral_norm(tensors[key], left, right)
    return layer, None


def _weight_norm(gain: Tensor, direction: Tensor) -> Tensor:
    axes = [axis for axis in range(direction.ndim) if gain.ndim and gain.shape[axis] == 1]
    return torch.as_tensor(
        direction * (gain / torch.linalg.vector_norm(direction, dim=axes or None, keepdim=bool(axes)))
    )


def _spectral_norm(original: Tensor, left: Tensor, right: Tensor) -> Tensor:
    fits = [axis for axis in (0, 1) if original.shape[axis] == len(left)]
    sigma = [torch.dot(left, original.movedim(axis, 0).reshape(len(left), -1) @ right) for axis in fits]
    return torch.as_tensor(original / max(sigma, key=abs))
