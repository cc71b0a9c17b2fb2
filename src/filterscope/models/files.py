"""Files of weights: what ``torch.save`` wrote is read, other kinds are told by name."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from filterscope.models import unpickle
from filterscope.models.unpickle import StandIn

#: What other kinds are, and the commands (of a shell, or of Python) that make a file of them that can be read.
_SHARDED = "a sharded checkpoint", "python -m torch.distributed.checkpoint.format_utils dcp_to_torch {path} weights.pt"
_DEEPSPEED = "a checkpoint of DeepSpeed", "python {path}/zero_to_fp32.py {path} ."
_SCRIPT = "a TorchScript archive", "torch.save(torch.jit.load({path!r}).state_dict(), 'weights.pt')"
_EXPORT = "a program of torch.export", "torch.save(torch.export.load({path!r}).state_dict, 'weights.pt')"
_SAFETENSORS = "a file of safetensors", "torch.save(safetensors.torch.load_file({path!r}), 'weights.pt')"
#: Where a checkpoint is a directory, a file in it that tells so.
_DIRECTORIES = {".metadata": _SHARDED, "zero_to_fp32.py": _DEEPSPEED}


def load_file(path: str) -> Mapping[str, Any]:
    """What a Lightning checkpoint or a saved ``state_dict`` holds. Nothing in it is executed.

    Returns:
        Tensors by name, perhaps further in. What is neither a tensor nor a plain container is a stand-in.

    Raises:
        OSError: It cannot be opened.
        ValueError: It holds something else; says what, where that can be told, and what would work.
    """
    if path.endswith((".distcp", ".metadata")):  # such a part may look like a whole
        raise ValueError(f"is a part of {_told(_SHARDED, str(Path(path).parent))}")
    # What is mapped is read only where it is looked at: most of a checkpoint is something else than filters.
    options: dict[str, Any] = {"map_location": "cpu", "mmap": zipfile.is_zipfile(path)}
    try:
        with warnings.catch_warnings(action="ignore"):
            try:
                stored = torch.load(path, weights_only=True, **options)
            except pickle.UnpicklingError:  # objects beside tensors; TorchScript and tar archives are other errors
                stored = torch.load(path, weights_only=False, pickle_module=unpickle, **options)
    except OSError:
        raise
    except Exception as error:  # what holds something else can fail in any way
        kind = _kind_of_file(Path(path)) or "neither a checkpoint nor a saved state_dict, or it is damaged"
        raise ValueError(f"is {kind}") from error
    if isinstance(stored, StandIn) or (isinstance(stored, Mapping) and _is_inside_objects(stored)):
        raise ValueError(
            "holds its weights in Python objects, such as a whole model, and could run code when loaded: it is left "
            "alone. If you trust it, load it in Python with torch.load(..., weights_only=False), and torch.save its "
            "state_dict"
        )
    if not isinstance(stored, Mapping):
        raise ValueError(f"holds a {type(stored).__name__}; give a checkpoint, or a saved state_dict")
    return stored


def kind_of_directory(path: str) -> str | None:
    """What a directory of weights is, and what would work; ``None`` for any other directory."""
    inside = Path(path)
    for name, kind in _DIRECTORIES.items():
        if (inside / name).exists():
            return _told(kind, path)
    if any(each for pattern in ("*.safetensors", "pytorch_model*.bin") for each in inside.glob(pattern)):
        return "a directory with files of weights; give one of them"
    return None


def _told(kind: tuple[str, str], path: str) -> str:
    what, how = kind
    return f"{what}; this makes a file of it that can be read: {how.format(path=path)}"


def _is_inside_objects(stored: Mapping[Any, Any]) -> bool:
    levels = [stored, *(value for value in stored.values() if isinstance(value, Mapping))]
    values = [value for level in levels for value in level.values()]
    return any(isinstance(value, StandIn) for value in values) and not any(isinstance(v, Tensor) for v in values)


def _kind_of_file(path: Path) -> str | None:
    """What a file that none of torch's loaders reads is, and what would work; ``None`` if that is not known."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
        kinds = {"constants.pkl": _SCRIPT, "archive_format": _EXPORT}
        return next((_told(kind, str(path)) for name, kind in kinds.items() if name in names), None)
    with path.open("rb") as file:
        start = file.read(2**20)
    if start[8:10] == b'{"':  # behind the length of this header
        return _told(_SAFETENSORS, str(path))
    if start.startswith(b"{") and b'"weight_map"' in start:
        return "an index of files of weights; give one of these"
    return None
