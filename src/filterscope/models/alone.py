"""A module's forward run by itself, to know the kernel that it convolves with now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.models.aside import apart, uncompiled
from filterscope.models.observe import Autocast, Observer, Performed, kernel_axis

#: Bytes of inputs that are kept at most, all modules together.
MOST_BYTES = 16 * 2**20


class CannotRunError(RuntimeError):
    """Why a module's kernel cannot be had by running it alone."""


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

    def kernel(self, other: bool = False) -> Tensor:
        """The kernel, as the module makes it now in evaluation mode. It stops there: nothing is convolved.

        Nothing that the module holds is changed, nor is a random stream.

        Args:
            other: Whether to give it other inputs, and other tensors that were computed in an earlier forward: they
                change the kernel only if it depends on them.

        Raises:
            Exception: What the module raises; :class:`CannotRunError` if it makes no such convolution.
        """
        tensors = [*self.module.parameters(), *self.module.buffers()]
        device = tensors[0].device if tensors else torch.device("cpu")
        change = _other if other else _same
        args, kwargs = _mapped((self.args, dict(self.kwargs)), lambda each: change(each.to(device)))
        autocast = torch.autocast(device.type, self.autocast.dtype, self.autocast.enabled, cache_enabled=False)
        modules = list(self.module.modules())
        with uncompiled(), apart(modules, change), autocast, _Offline(), _Until(self.module, self.number):
            try:
                for hook in list(self.module._forward_pre_hooks.values()):
                    if type(hook).__module__.startswith("torch."):  # old-style norms and masks make the weight there
                        hook(self.module, args)
                self.module.forward(*args, **kwargs)
            except _Found as found:
                return found.kernel.detach()
        raise CannotRunError("in evaluation mode it does not convolve")


def alone(performed: Performed, room: int = MOST_BYTES) -> tuple[Alone, bool]:
    """How to have the kernel of an observed convolution again, tried out; and whether it is then the same.

    Args:
        performed: One whose kernel was computed.
        room: Bytes that its inputs may take.

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
        args, kwargs = _mapped((frame.args, dict(frame.kwargs)), part)
        tried = Alone(performed.module, performed.number, args, kwargs, performed.autocast)
        if tried.nbytes > room:
            reason = reason or f"a sample of its input takes {tried.nbytes / 2**20:.0f} MiB, too much to keep"
            break
        try:
            kernel, another = tried.kernel(), tried.kernel(other=True)
        except Exception as error:
            reason = str(error) if isinstance(error, CannotRunError) else f"{type(error).__name__}: {error}"
            continue
        if kernel.shape != performed.kernel.shape:
            reason = (
                f"alone it has a kernel of {tuple(kernel.shape)}, and of {tuple(performed.kernel.shape)} in training"
            )
        elif not torch.equal(kernel, another):
            raise CannotRunError("its kernel depends on the input")
        else:
            is_same = kernel.dtype == performed.kernel.dtype and torch.equal(kernel, performed.kernel)
            return tried, is_same
    raise CannotRunError(f"its module cannot be run alone ({reason}); a parameter, or a module that makes it, would do")


class _Found(BaseException):
    """The convolution that was looked for; no module shall take it for an error of its own."""

    def __init__(self, kernel: Tensor) -> None:
        super().__init__()
        self.kernel = kernel


class _Until(Observer):
    """Stops a forward where it makes a certain convolution itself."""

    def __init__(self, module: nn.Module, number: int) -> None:
        super().__init__(module)
        self._number = number

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        weight = args[1] if len(args) > 1 else kwargs.get("weight")
        if self.frame is self.outside and kernel_axis(func, weight) is not None:
            if self.outside.made == self._number:
                raise _Found(weight)
            self.outside.made += 1
        return func(*args, **kwargs)


class _Offline(TorchDispatchMode):
    """Refuses to talk to other ranks, which are not there to answer."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace in ("c10d", "_c10d_functional"):
            raise CannotRunError("it talks to other ranks")
        return func(*args, **(kwargs or {}))


def _mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same with its tensors changed, as deep as tuples, lists and dicts go."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(each, change) for each in value))
    if isinstance(value, list | tuple):
        return type(value)(_mapped(each, change) for each in value)
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    return value


def _first(tensor: Tensor) -> Tensor:
    """The first sample of a batch, on the host."""
    return _whole(tensor[:1] if tensor.dim() else tensor)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _other(tensor: Tensor) -> Tensor:
    """Another signal, of the same shape."""
    turned = tensor.flip(tuple(range(tensor.dim())))
    return turned * 0.5 if tensor.is_floating_point() or tensor.is_complex() else turned
