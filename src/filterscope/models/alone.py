"""A module's forward run by itself, to know the kernel that it convolves with now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from filterscope.models.aside import UNCHANGING, CannotRunError, apart, offline, turned, uncompiled
from filterscope.models.observe import Autocast, Performed, kernel_axis

#: Bytes of inputs that are kept at most, all modules together.
MOST_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class Alone:
    """How to run a module alone.

    Attributes:
        module: Its ``forward`` is called without its hooks.
        number: How many convolutions the forward makes before the one that is meant.
        args: A small part of what it was observed with, on the host.
        kwargs: By name.
        autocast: The state in which it ran.
    """

    module: nn.Module
    number: int
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    autocast: Autocast

    @property
    def nbytes(self) -> int:
        """Bytes of the inputs that it keeps."""
        sizes: list[int] = []
        _mapped((self.args, dict(self.kwargs)), lambda each: sizes.append(each.nbytes))
        return sum(sizes)

    def kernel(self, other: str = "") -> Tensor:
        """The kernel, as the module makes it now in evaluation mode. It stops there: nothing is convolved.

        What the module holds is not changed, nor is a random stream.

        Args:
            other: ``"inputs"`` to give it other inputs, and other tensors that were computed in an earlier forward;
                ``"parameters"`` for other parameters: they change the kernel only if it depends on them.

        Raises:
            Exception: What the module raises; :class:`CannotRunError` if it makes no such convolution, or holds what
                cannot be kept from a change.
        """
        tensors = [*self.module.parameters(), *self.module.buffers()]
        device = tensors[0].device if tensors else torch.device("cpu")
        args, kwargs = _mapped((self.args, dict(self.kwargs)), lambda each: each.to(device))
        if other == "inputs":
            args, kwargs = _mapped((args, kwargs), turned)
        autocast = torch.autocast(device.type, self.autocast.dtype, self.autocast.enabled, cache_enabled=False)
        modules = list(self.module.modules())
        until = _Until(self.number)
        with uncompiled(), torch.no_grad(), apart(modules, other), autocast, offline(), until:
            try:
                for hook in list(self.module._forward_pre_hooks.values()):
                    hook(self.module, args)  # torch's old norms and masks make the weight there
                self.module.forward(*args, **kwargs)
            except _Found as found:
                return found.kernel.detach()
        raise CannotRunError("in evaluation mode it does not convolve")


@dataclass(frozen=True)
class Trial:
    """What came of running a module alone.

    Attributes:
        source: How to do it again.
        is_same: Whether its kernel is the one that was observed.
        learns: Whether its kernel depends on parameters.
    """

    source: Alone
    is_same: bool
    learns: bool


def alone(performed: Performed, room: int = MOST_BYTES, like: Alone | None = None) -> Trial:
    """How to have the kernel of an observed convolution again, tried out.

    Args:
        performed: One whose kernel was computed.
        room: Bytes that its inputs may take.
        like: Of another convolution of the same forward: it has the inputs already.

    Raises:
        CannotRunError: It cannot be had, and why.
    """
    frame = performed.frame
    if frame is None:
        raise CannotRunError(
            "its kernel is computed outside of every module's forward; compute it in the forward of a module"
        )
    reason = ""
    for part in (_first, _whole):  # a module may take its batch's size for something else
        try:
            args, kwargs = _mapped((frame.args, dict(frame.kwargs)), part) if like is None else (like.args, like.kwargs)
            tried = Alone(performed.module, performed.number, args, kwargs, performed.autocast)
            if like is None and tried.nbytes > room:
                reason = reason or f"a sample of its input takes {tried.nbytes / 2**20:.0f} MiB, too much to keep"
                break
            kernel, another = tried.kernel(), tried.kernel("inputs")
        except Exception as error:
            reason = str(error) if isinstance(error, CannotRunError) else f"{type(error).__name__}: {error}"
            continue
        if kernel.shape != performed.kernel.shape:
            reason = (
                f"alone it has a kernel of {tuple(kernel.shape)}, and of {tuple(performed.kernel.shape)} in training"
            )
        elif not _equal(kernel, another):
            raise CannotRunError("its kernel depends on the input")
        else:
            return Trial(tried, _equal(kernel, performed.kernel), performed.needs_gradient or _learns(tried, kernel))
    raise CannotRunError(f"its module cannot be run alone ({reason}); a parameter, or a module that makes it, would do")


def _learns(tried: Alone, kernel: Tensor) -> bool:
    """Whether other parameters make another kernel: what is frozen now may learn later."""
    try:
        return not _equal(kernel, tried.kernel("parameters"))
    except Exception:  # they mean something to it
        return True


def _equal(one: Tensor, other: Tensor) -> bool:
    """To the last bit, NaN included."""
    same_kind = one.shape == other.shape and one.dtype == other.dtype
    return same_kind and bool(torch.allclose(one, other, rtol=0, atol=0, equal_nan=True))


class _Found(BaseException):
    """The convolution that was looked for; no module shall take it for an error of its own."""

    def __init__(self, kernel: Tensor) -> None:
        super().__init__()
        self.kernel = kernel


class _Until(TorchFunctionMode):
    """Stops a module's forward where it makes a certain convolution itself."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number
        self._inner = 0  # forwards of other modules that are under way
        self._thread = threading.get_ident()
        self._hooks = ExitStack()

    def __enter__(self) -> _Until:
        """Other modules are told apart by torch's hooks for all of them, in the model or not."""
        self._hooks.callback(register_module_forward_pre_hook(self._down).remove)
        self._hooks.callback(register_module_forward_hook(self._up, always_call=True).remove)
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        self._hooks.close()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _down(self, *_: Any) -> None:
        self._inner += threading.get_ident() == self._thread

    def _up(self, *_: Any) -> None:
        self._inner -= threading.get_ident() == self._thread

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        weight = args[1] if len(args) > 1 else kwargs.get("weight")
        if not self._inner and isinstance(weight, Tensor) and kernel_axis(func, weight) is not None:
            if not self._left:
                raise _Found(weight)
            self._left -= 1
        return func(*args, **kwargs)


def _mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same with its tensors changed, as deep as tuples, lists and dicts go.

    Raises:
        CannotRunError: There is an object in it, which may hold tensors that we do not see.
    """
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(each, change) for each in value))
    if isinstance(value, list | tuple):
        return type(value)(_mapped(each, change) for each in value)
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    if isinstance(value, UNCHANGING):
        return value
    raise CannotRunError(f"its forward takes a {type(value).__name__}")


def _first(tensor: Tensor) -> Tensor:
    """The first sample of a batch, on the host."""
    return _whole(tensor[:1] if tensor.dim() else tensor)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)
