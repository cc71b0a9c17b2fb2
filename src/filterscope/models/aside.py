"""Modules that run aside from training leave nothing behind."""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def aside(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Modules in evaluation mode, until the block ends; training flags, buffers and random streams are put back.

    Args:
        modules: All that will run.
    """
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
def apart(modules: Sequence[nn.Module], computed: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """The same for modules that may do anything: parameters and plain attributes are copies too, until it ends.

    What is changed in place is so in copies: between a forward and its backward, autograd would refuse the originals.

    Args:
        modules: All that will run.
        computed: What to put in the place of plain attributes that an earlier forward computed.
    """
    kept = [dict(module.__dict__) for module in modules]
    copies: dict[int, Any] = {}
    with _same_streams(modules), torch.no_grad():
        try:
            for module in modules:
                for name, value in module.__dict__.items():
                    module.__dict__[name] = _copied(value, copies, computed)
                module.training = False
            yield
        finally:
            for module, own in zip(modules, kept, strict=True):
                module.__dict__.clear()
                module.__dict__.update(own)


def _copied(value: Any, copies: dict[int, Any], computed: Callable[[Tensor], Tensor]) -> Any:
    """A tensor's or container's copy, the same for what is the same; other values are as they were."""
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, nn.Parameter):
        copies[id(value)] = nn.Parameter(value.detach().clone(), value.requires_grad)
    elif isinstance(value, Tensor):
        own = value.detach().clone()
        copies[id(value)] = own if value.is_leaf else computed(own)
    elif isinstance(value, torch.Generator):
        copies[id(value)] = torch.Generator(value.device)
        copies[id(value)].set_state(value.get_state())
    elif isinstance(value, dict):  # parameters, buffers, hooks and modules of a module are such too
        copies[id(value)] = copy.copy(value)
        copies[id(value)].update({key: _copied(each, copies, computed) for key, each in value.items()})
    elif isinstance(value, list | set | deque):
        copies[id(value)] = copy.copy(value)
    else:
        return value
    return copies[id(value)]


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
    with nullcontext() if stance is None else stance("force_eager"):
        yield
