"""What is told of faults of ours: training must not end for them."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_Args = ParamSpec("_Args")
_LOG = logging.getLogger("filterscope")


class Faults:
    """Warns once per kind of fault, and never raises itself."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def report(self, kind: str, message: str) -> None:
        """Warn, unless this kind of fault was reported before."""
        if kind in self._seen:
            _LOG.debug("%s", message)
            return
        self._seen.add(kind)
        try:
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        except Exception:  # warnings turned into errors must not end a training run either
            _LOG.warning("%s", message)

    @contextmanager
    def harmless(self, what: str) -> Iterator[None]:
        """Report what is raised inside, once for each ``what``, instead of raising it."""
        try:
            yield
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self.report(what, f"filterscope could not take a snapshot ({reason}); training goes on")


class _HasFaults(Protocol):
    @property
    def faults(self) -> Faults: ...


_Self = TypeVar("_Self", bound=_HasFaults)


def harmless(method: Callable[Concatenate[_Self, _Args], None]) -> Callable[Concatenate[_Self, _Args], None]:
    """A method that reports what it raises to its object's ``faults`` instead of raising it."""

    @functools.wraps(method)
    def guarded(self: _Self, /, *args: _Args.args, **kwargs: _Args.kwargs) -> None:
        with self.faults.harmless(method.__name__):
            method(self, *args, **kwargs)

    return guarded
