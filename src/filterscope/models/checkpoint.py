"""Banks from a ``state_dict`` or a checkpoint: no model needed.

Names and shapes tell the layers: a ``weight`` of three axes, or of four of which one kernel axis has length 1, and a
bias that fits it. Stride, dilation and groups are not stored there, and a transposed convolution looks like a plain
one. So does ``nn.Bilinear``, and a ``LayerNorm`` over three axes that has no bias.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from filterscope.filters.bank import FilterBank
from filterscope.models.adapters import PlainNames
from filterscope.models.layers import clean_name
from filterscope.models.unpickle import StandIn

#: Where checkpoints keep the tensors.
_NESTED = ("state_dict", "model_state_dict", "model")
_PARAMETRIZED = "parametrizations.weight."
#: The second parametrization of a weight.
_SECOND = f"{_PARAMETRIZED}1"
#: Layers that a warning names; the rest are counted.
_NAMED = 8


def read_state_dict(state: Mapping[str, Any]) -> dict[str, FilterBank]:
    """All layers with 1-D filters of a ``state_dict``, or of a checkpoint that holds one.

    A checkpoint's is looked for under ``"state_dict"``, ``"model_state_dict"`` and ``"model"``.

    Weights under ``weight_norm``, ``spectral_norm`` and pruning are put together from what is stored; quantised ones
    are the numbers that their integers stand for. A layer that is there under two names, with all its tensors, is read
    once. What is stored in part (other parametrizations, adapters) is left out, with one warning.

    Args:
        state: Tensors by name.

    Returns:
        Banks by layer name, in the order of the state.

    Raises:
        ValueError: Not a mapping of names to tensors.
    """
    nested = next((state[key] for key in _NESTED if isinstance(state.get(key), Mapping)), state)
    tensors = {key: value for key, value in nested.items() if isinstance(key, str)}  # others may take for ever to print
    if not any(isinstance(value, Tensor) for value in tensors.values()):
        keys = ", ".join(list(tensors)[:5]) or "nothing"
        raise ValueError(f"no tensors in this mapping (it holds {keys}); give a state_dict, or a checkpoint with one")
    names = PlainNames(tensors)
    # Parametrizations without tensors stand only in the versions of all modules that torch adds to a state_dict.
    paths = [*tensors, *(path for path in getattr(nested, "_metadata", None) or () if isinstance(path, str))]
    chained = {path for path, name in map(_split, paths) if f"{name}.".startswith(f"{_SECOND}.")}
    banks: dict[str, FilterBank] = {}
    seen: set[Any] = set()
    unknown: dict[str, dict[str, None]] = {}  # layers by the reason, each once and in their order
    for path, name in (_split(key) for key, value in tensors.items() if isinstance(value, StandIn)):
        if name == "weight" or name.startswith((_PARAMETRIZED, "weight_")):
            unknown.setdefault("it is stored as an object, which is not read", {})[clean_name(path)] = None
    for path, parts in _modules(tensors).items():
        try:
            stored, reason = _weight(parts, path in chained)
            if stored is None or stored.is_meta or not _is_filter(stored, parts.get("bias")):
                continue
            identity = tuple((name, _place(part)) for name, part in parts.items())
            bank = _bank(clean_name(path), stored)
        except Exception as error:  # what is called as a layer's parts are need not be such, or of a known layout
            unknown.setdefault(f"{type(error).__name__}: {error}", {})[clean_name(path) or "weight"] = None
            continue
        plain, is_known = names.of(path)
        if plain is None:
            continue
        layer = clean_name(plain) or "weight"
        if not is_known:
            reason = "the scale of its adapters, or which of them is active (merge_and_unload() puts them in)"
        if reason is not None:
            unknown.setdefault(reason, {})[layer] = None
        elif identity not in seen:
            seen.add(identity)
            banks[layer] = bank.with_fields(layer=layer)
    if unknown:
        told = "; ".join(f"{_listed(list(layers))}: {reason}" for reason, layers in unknown.items())
        warnings.warn(
            f"left out, as a state_dict does not hold all of it: {told}. A model is read in full", stacklevel=3
        )
    return banks


def _modules(tensors: Mapping[str, Any]) -> dict[str, dict[str, Tensor]]:
    """Tensors by module and their names in it; what belongs to a parametrized weight is its module's."""
    modules: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if isinstance(value, Tensor) and not is_lazy(value):
            path, name = _split(key)
            modules.setdefault(path, {})[name] = value
    return modules


def _split(key: str) -> tuple[str, str]:
    """The path of a module, and a name in it."""
    head, dot, tail = f".{key}".rpartition(f".{_PARAMETRIZED}")
    if dot:
        return head.removeprefix("."), _PARAMETRIZED + tail
    path, _, name = key.rpartition(".")
    return path, name


def _place(tensor: Tensor) -> Any:
    """What two tensors have in common that are the same memory."""
    if tensor.layout is not torch.strided:  # sparse ones have several
        return id(tensor)
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def _bank(layer: str, weight: Tensor) -> FilterBank:
    if weight.numel() * weight.element_size() > weight.untyped_storage().nbytes():
        raise ValueError(f"its shape {tuple(weight.shape)} claims more numbers than are stored")
    if weight.is_quantized:
        weight = weight.dequantize()
    dtype = torch.complex64 if weight.is_complex() else torch.float32
    copy = weight.detach().to("cpu", dtype, copy=True)
    return FilterBank(layer, copy.reshape(*weight.shape[:2], -1).numpy(), in_time=weight.dim() == 3)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more


def _is_filter(weight: Tensor, bias: Tensor | None) -> bool:
    if not (weight.is_floating_point() or weight.is_complex() or weight.is_quantized) or not weight.numel():
        return False
    # One number for each filter; for each of its channels, in each group, where it is transposed.
    if bias is not None and not (bias.ndim == 1 and (len(bias) == len(weight) or len(bias) % weight.shape[1] == 0)):
        return False
    if weight.ndim == 4:
        return (weight.shape[2] > 1) != (weight.shape[3] > 1)
    return weight.ndim == 3


def _weight(parts: Mapping[str, Tensor], is_chained: bool) -> tuple[Tensor | None, str | None]:
    """The weight of a module, if it has one; and what is missing, if it is not the one that the module works with."""
    if "weight" in parts:
        return parts["weight"], None
    if "weight_g" in parts and "weight_v" in parts:
        return _weight_norm(parts["weight_g"], parts["weight_v"]), None
    if (original := parts.get("weight_orig")) is not None:
        if "weight_mask" in parts:
            return original * parts["weight_mask"], None
        if "weight_u" in parts and "weight_v" in parts:
            return _spectral_norm(original, parts["weight_u"], parts["weight_v"]), None
        return original, "what a hook makes of it"
    own = {key.removeprefix(_PARAMETRIZED): part for key, part in parts.items() if key.startswith(_PARAMETRIZED)}
    missing = "what its parametrization does"
    if is_chained:
        return own.get("original", own.get("original1")), missing
    if "original0" in own and "original1" in own:
        gain, direction = own["original0"], own["original1"]
        is_norm = gain.ndim == 0 or [*gain.shape] in [_kept(direction, axis) for axis in range(direction.ndim)]
        return (_weight_norm(gain, direction), None) if is_norm else (direction, missing)
    if "0._u" in own and "0._v" in own and "original" in own:
        return _spectral_norm(own["original"], own["0._u"], own["0._v"]), None
    return own.get("original"), missing


def _kept(tensor: Tensor, axis: int) -> list[int]:
    """The shape of norms along all axes but one."""
    return [size if at == axis else 1 for at, size in enumerate(tensor.shape)]


def _weight_norm(gain: Tensor, direction: Tensor) -> Tensor:
    axes = [axis for axis in range(direction.ndim) if gain.ndim and gain.shape[axis] == 1]
    return torch.as_tensor(
        direction * (gain / torch.linalg.vector_norm(direction, dim=axes or None, keepdim=bool(axes)))
    )


def _spectral_norm(original: Tensor, left: Tensor, right: Tensor) -> Tensor:
    fits = [axis for axis in (0, 1) if original.shape[axis] == len(left)]
    sigma = [torch.dot(left, original.movedim(axis, 0).reshape(len(left), -1) @ right) for axis in fits]
    return torch.as_tensor(original / max(sigma, key=abs))
