"""What a fit leaves in its process: states and random streams, each as a hash, and threads."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def digest(value: Any) -> str:
    """A hash that tells every bit of a value and of all tensors and arrays inside it."""
    return hashlib.sha256(repr(_plain(value)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """A value whose ``repr`` tells every bit."""
    if isinstance(value, Tensor):
        raw = value.detach().contiguous()
        return raw.dtype, raw.shape, raw.reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, Mapping):
        return [(key, _plain(each)) for key, each in value.items()]
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def random_streams() -> dict[str, str]:
    """Where each of the three random streams is."""
    states = {
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),  # noqa: NPY002
        "python": random.getstate(),
    }
    return {name: digest(state) for name, state in states.items()}


def is_threadless() -> bool:
    """Whether no thread of a monitor is left."""
    return all(thread.name != "filterscope" for thread in threading.enumerate())
