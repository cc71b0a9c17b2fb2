"""Torch's stack of modes, through which every function of its own is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch.overrides
from torch.overrides import TorchFunctionMode

#: What it takes: private, and the same in torch 2.4 to 2.14. Without, nothing is observed.
_STACK = [getattr(torch.overrides, name, None) for name in ("_len_torch_function_stack", "_pop_mode", "_push_mode")]


def can_observe() -> bool:
    """Whether torch has what that takes."""
    return None not in _STACK


def restack(mode: TorchFunctionMode, is_on: bool) -> None:
    """Put a mode below all others, or take it out, wherever it is; as torch does for its own default device."""
    length, pop, push = (cast("Callable[..., Any]", each) for each in _STACK)
    others = [other for other in (pop() for _ in range(length())) if other is not mode]
    for each in (*((mode,) if is_on else ()), *reversed(others)):
        push(each)
