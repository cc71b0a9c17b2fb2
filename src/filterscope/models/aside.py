"""Modules that run aside from training leave nothing behind."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def aside(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Modules in evaluation mode, until the block ends; training flags, buffers and random streams are put back.

    Args:
        modules: All that will run.
    """
    training = [module for module in modules if module.training]
    buffers = [dict(module._buffers) for module in modules]
    parameters = (parameter for module in modules for parameter in module.parameters(recurse=False))
    devices = {parameter.device for parameter in parameters if parameter.is_cuda}
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the streams that users draw from
    with torch.random.fork_rng(devices=list(devices)):
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
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
