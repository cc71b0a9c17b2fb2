"""Modules that run aside from training leave nothing behind."""

from __future__ import annotations

import copy
import random
import sys
import weakref
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import is_dataclass
from enum import Enum
from functools import partial
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode


class CannotRunError(RuntimeError):
    """Why a module cannot be run aside from training."""


#: Where modules keep hooks that run around a forward.
_HOOKS = "_forward_hooks", "_forward_pre_hooks"
#: What a forward cannot change, or has not to itself.
UNCHANGING = (
    *(type(None), bool, int, float, complex, str, bytes, slice, range, type(...), Enum, PurePath, np.generic),
    *(torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format, type, partial, ModuleType),
    *(FunctionType, BuiltinFunctionType, MethodType, weakref.ReferenceType),
)


@contextmanager
def aside(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Modules in evaluation mode, until the block ends; training flags, buffers and random streams are put back."""
    training = [module for module in modules if module.training]
    buffers = [dict(module._buffers) for module in modules]
    with _same_streams(modules):
        for module in training:
            module.training = False
        for module in modules:  # an observer changes its buffers in evaluation mode too: let it change copies
            module._buffers.update({name: each.clone() for name, each in module._buffers.items() if each is not None})
        try:
            yield
        finally:
            for module in training:
                module.training = True
            for module, own in zip(modules, buffers, strict=True):
                module._buffers.clear()
                module._buffers.update(own)


@contextmanager
def apart(modules: Sequence[nn.Module], other: str = "", *, parameters: bool = True) -> Iterator[None]:
    """The same for modules that may do anything: all that they hold are copies, until it ends.

    What is changed in place is so in copies: between a forward and its backward, autograd would refuse the originals.

    Args:
        modules: All that will run.
        other: Of what to put other numbers in its place: ``"inputs"`` for plain attributes that an earlier forward
            computed, ``"parameters"``.
        parameters: Whether parameters are copies too, hooks of the user's own are left out, and modules are refused
            that hold what cannot be copied.

    Raises:
        CannotRunError: A module holds an object that it may change.
    """
    kept = [dict(module.__dict__) for module in modules]
    copies: dict[int, Any] = {id(module): module for module in modules}
    with _same_streams(modules):
        try:
            for module in modules:
                for name, value in module.__dict__.items():
                    if name in _HOOKS and parameters:
                        own = {key: hook for key, hook in value.items() if type(hook).__module__.startswith("torch.")}
                        module.__dict__[name] = type(value)(own)
                    elif parameters or name != "_parameters":
                        module.__dict__[name] = _copied(value, copies, other, parameters)
                module.training = False
            yield
        finally:
            for module, before in zip(modules, kept, strict=True):
                module.__dict__.clear()
                module.__dict__.update(before)


def turned(tensor: Tensor) -> Tensor:
    """Other numbers in the same shape."""
    flipped = tensor.flip(tuple(range(tensor.dim())))
    return flipped * 0.5 if tensor.is_floating_point() or tensor.is_complex() else flipped


def _copied(value: Any, copies: dict[int, Any], other: str, strict: bool) -> Any:
    """A copy, the same for what is the same; what cannot change is as it was."""
    if id(value) in copies:
        return copies[id(value)]
    again = partial(_copied, copies=copies, other=other, strict=strict)
    if isinstance(value, nn.Parameter) and not is_lazy(value):
        own = value.detach().clone()
        made: Any = nn.Parameter(turned(own) if other == "parameters" else own, value.requires_grad)
    elif isinstance(value, Tensor):
        made = value if is_lazy(value) else value.detach().clone()
        made = made if value.is_leaf or other != "inputs" else turned(made)
    elif isinstance(value, torch.Generator):
        made = torch.Generator(value.device)
        made.set_state(value.get_state())
    elif isinstance(value, np.ndarray | np.random.Generator | np.random.RandomState | random.Random):
        made = copy.deepcopy(value)
    elif isinstance(value, dict):  # parameters, buffers, hooks and modules of a module are such too
        made = copies[id(value)] = copy.copy(value)
        made.update({key: each if isinstance(each, nn.Module) else again(each) for key, each in value.items()})
    elif isinstance(value, deque):
        made = type(value)(map(again, value), value.maxlen)
    elif isinstance(value, list | tuple | set | frozenset) and not isinstance(value, torch.Size):
        items = list(map(again, value))
        made = type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    elif isinstance(value, SimpleNamespace | Namespace) or (is_dataclass(value) and not isinstance(value, type)):
        made = copy.copy(value)
        made.__dict__.update({key: again(each) for key, each in vars(value).items()})
    elif isinstance(value, UNCHANGING) or not strict:
        return value
    else:
        raise CannotRunError(f"it holds a {type(value).__name__}, which it may change")
    copies[id(value)] = made
    return made


@contextmanager
def _same_streams(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Random streams of torch, of the modules' devices, of Python and of numpy are put back."""
    parameters = (parameter for module in modules for parameter in module.parameters(recurse=False))
    devices = {parameter.device for parameter in parameters if parameter.is_cuda}
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the streams that users draw from
    with torch.random.fork_rng(devices=list(devices)):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def uncompiled() -> Iterator[None]:
    """What was compiled runs as it was written, and knows nothing of it; torch below 2.6 has no such switch."""
    stance = getattr(torch.compiler, "set_stance", None)
    is_loaded = "torch._dynamo" in sys.modules  # if not, nothing is compiled, and to import it takes a second
    with stance("force_eager") if stance is not None and is_loaded else nullcontext():
        yield


class _Offline(TorchDispatchMode):
    """Refuses to talk to other ranks, which are not there to answer."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace in ("c10d", "_c10d_functional"):
            raise CannotRunError("it talks to other ranks")
        return func(*args, **(kwargs or {}))


def offline() -> AbstractContextManager[Any]:
    """Where there are other ranks, nothing talks to them until the block ends."""
    is_distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return _Offline() if is_distributed else nullcontext()
