"""The tensors of a file of ``torch.save``, without anything else of it: a ``pickle_module`` for ``torch.load``.

A pickle names functions and classes, and calls them. Here no name is ever looked up: those that make tensors and
containers stand for functions of this file, all others for :class:`StandIn`, which takes what it is given and does
nothing. So hyper-parameters of any class, installed or not, are no obstacle, and no code of a file's choice can run.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import torch


class StandIn:
    """In the place of any class or function, and of what it makes."""

    __slots__ = ()
    #: torch.load asks for it where a file of before torch 1.6 holds the source of a module: no patch is to be written.
    dump_patches = False

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __new__(cls, *_: Any, **__: Any) -> StandIn:
        """Take any arguments."""
        return super().__new__(cls)

    def __call__(self, *_: Any, **__: Any) -> StandIn:
        """What is made by calling what a stand-in gave is one, too."""
        return self

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None:
        """As a list."""

    def extend(self, _: Any) -> None:
        """As a list."""

    add = append


class _Bytes(StandIn):
    """In the place of ``torch.UntypedStorage``, of which ``torch.load`` asks nothing but this."""

    __slots__ = ()
    dtype = torch.uint8


class _Dict(dict[Any, Any]):
    """In the place of an ``OrderedDict``: of its attributes, it has what ``state_dict`` adds, and no other."""

    __slots__ = ("_metadata",)

    def __setstate__(self, state: Any) -> None:
        metadata = state.get("_metadata") if isinstance(state, dict) else None
        self._metadata = metadata if isinstance(metadata, Mapping) else {}


class _Maker:
    """A function that a file may call, and cannot change, as it could give a plain function other attributes."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setstate__(self, _: Any) -> None: ...


def _tensor(*args: Any) -> Any:
    """A tensor, without the hooks that may be there."""
    storage, offset, size, stride, *_ = args
    return torch._utils._rebuild_tensor(storage, offset, size, stride)


def _tensor_of_bytes(*args: Any) -> Any:
    storage, offset, size, stride, _, _, dtype, *_ = args
    return torch._utils._rebuild_tensor_v3(storage, offset, size, stride, False, {}, dtype)


def _quantized(*args: Any) -> Any:
    storage, offset, size, stride, quantizer, *_ = args
    return torch._utils._rebuild_qtensor(storage, offset, size, stride, quantizer, False, {})


def _subclass(make: Any, _: Any, args: Any, *__: Any) -> Any:
    """The plain tensor inside a tensor of a class of one's own, or with attributes."""
    return make(*args) if isinstance(make, _Maker) else StandIn()


_MADE: dict[str, Any] = {
    "collections.OrderedDict": _Maker(_Dict),
    "collections.defaultdict": _Maker(lambda *_: _Dict()),
    "torch.Size": _Maker(tuple),
    "torch.storage.UntypedStorage": _Bytes,
    "torch._tensor._rebuild_from_type_v2": _Maker(_subclass),
    "torch._utils._rebuild_tensor": _Maker(_tensor),
    "torch._utils._rebuild_tensor_v2": _Maker(_tensor),
    "torch._utils._rebuild_tensor_v3": _Maker(_tensor_of_bytes),
    "torch._utils._rebuild_qtensor": _Maker(_quantized),
    "torch._utils._rebuild_parameter": _Maker(lambda data, *_: data),
    "torch._utils._rebuild_parameter_with_state": _Maker(lambda data, *_: data),
}


class Unpickler(pickle._Unpickler):
    """An unpickler that makes tensors, containers and numbers, and stand-ins for all else.

    It is the one written in Python: that in C takes memory by numbers which a file is free to claim.
    """

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name in a file."""
        found = vars(torch).get(name) if module == "torch" else None
        if isinstance(found, torch.dtype | torch.qscheme):
            return found
        return _MADE.get(f"{module}.{name}", StandIn)


def load(file: Any, **options: Any) -> Any:
    """As ``pickle.load``."""
    return Unpickler(file, **options).load()
