"""Checks of what users pass in: what was given, and what would work. No torch here."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np


def check_count(name: str, value: Any, otherwise: str = "") -> None:
    """Refuse what is no positive integer; any kind of integer will do, numpy's too.

    Raises:
        TypeError: Not an integer.
        ValueError: Below 1.
    """
    number = _as_integer(value)
    if number is None:
        raise TypeError(f"{name}={value!r} is not an integer; give 1, 2, 3, ...{otherwise}")
    if number < 1:
        raise ValueError(f"{name}={value!r} is below 1; give 1, 2, 3, ...{otherwise}")


def check_position(name: str, value: Any) -> int:
    """Refuse what is no integer from 0 on; any kind of integer will do, numpy's too.

    Raises:
        TypeError: Not an integer.
        ValueError: Below 0, or more than a file holds.
    """
    number = check_integer(name, value)
    if not 0 <= number < 2**53:
        raise ValueError(f"{name}={value!r} is below 0 or too large; give 0, 1, 2, ...")
    return number


def check_integer(name: str, value: Any) -> int:
    """Refuse what is no integer; any kind of integer will do, numpy's too.

    Raises:
        TypeError: Not an integer.
    """
    number = _as_integer(value)
    if number is None:
        raise TypeError(f"{name}={value!r} is not an integer; give 0, 1, 2, ...")
    return number


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuse what is none of a few words.

    Raises:
        TypeError: Not a string.
        ValueError: Another one.
    """
    works = " or ".join(map(repr, choices))
    if not isinstance(value, str):
        raise TypeError(f"{name}={value!r} must be {works}")
    if value not in choices:
        raise ValueError(f"{name}={value!r} is not known; use {works}")


def check_flag(name: str, value: Any) -> bool:
    """Refuse what is neither true nor false; numpy's will do, too.

    Raises:
        TypeError: Something else.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} must be True or False")
    return bool(value)


def _as_integer(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def check_patterns(layers: str | Sequence[str] | None) -> None:
    """Refuse what is no selection of layers.

    Raises:
        TypeError: Not a string or a sequence of strings.
        ValueError: Empty, or with an empty pattern.
    """
    if layers is None:
        return
    ok = isinstance(layers, str) or (isinstance(layers, Sequence) and all(isinstance(glob, str) for glob in layers))
    if not ok:
        raise TypeError(f"layers={layers!r} must be a glob, a sequence of globs such as ('conv1', 'head.*'), or None")
    globs = [layers] if isinstance(layers, str) else layers
    if not globs or not all(glob.strip() for glob in globs):
        raise ValueError(f"layers={layers!r} selects nothing; give globs such as 'conv*', or None for all layers")


def check_sample_rate(sample_rate: float | Mapping[str, float] | None) -> None:
    """Refuse what is no sample rate.

    Raises:
        TypeError: Not a number, a mapping of globs to numbers, or ``None``.
        ValueError: Not positive and finite, or an empty mapping or glob.
    """
    works = "give Hz such as 16000, or a mapping such as {'conv1': 16000}"
    rates = sample_rate if isinstance(sample_rate, Mapping) else {"*": sample_rate}
    if not rates or not all(str(glob).strip() for glob in rates):
        raise ValueError(f"sample_rate={sample_rate!r} names no layer; {works}")
    for glob, rate in rates.items():
        if rate is None and not isinstance(sample_rate, Mapping):
            return
        if not isinstance(glob, str) or not _is_number(rate):
            raise TypeError(f"sample_rate={sample_rate!r} is not a number, or a mapping of globs to numbers; {works}")
        if not _is_positive(rate):
            raise ValueError(f"sample_rate={sample_rate!r} is not positive and finite; {works}")


def check_rate(sample_rate: Any) -> None:
    """Refuse what is no sample rate of one layer.

    Raises:
        TypeError: Not a number.
        ValueError: Not positive and finite.
    """
    if isinstance(sample_rate, Mapping):
        raise TypeError(f"sample_rate={sample_rate!r}: one layer has one rate; give a number of Hz")
    if not _is_number(sample_rate):
        raise TypeError(f"sample_rate={sample_rate!r} is not a number; give Hz such as 16000")
    if not _is_positive(sample_rate):
        raise ValueError(f"sample_rate={sample_rate!r} is not positive and finite; give Hz such as 16000")


def check_share(name: str, value: Any) -> None:
    """Refuse what is no number from 0 on.

    Raises:
        TypeError: Not a number.
        ValueError: Below 0, or not finite.
    """
    if not _is_number(value):
        raise TypeError(f"{name}={value!r} is not a number; give one such as 0.01")
    if value != 0 and not _is_positive(value):
        raise ValueError(f"{name}={value!r} is not finite, or below 0; give a number such as 0.01")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_positive(number: Any) -> bool:
    try:
        return bool(math.isfinite(number) and number > 0)
    except OverflowError:
        return False


def check_channel_names(channel_names: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None) -> None:
    """Refuse what names no channels.

    Raises:
        TypeError: Not a string, a sequence of strings, a mapping of globs to such, or ``None``.
        ValueError: Empty, or with an empty name or glob.
    """
    if channel_names is None:
        return
    given = f"channel_names={channel_names!r}"
    works = "give a letter for each as in 'ACGT', names as in ['Fz', 'Cz'], or a mapping such as {'conv1': 'ACGT'}"
    named = channel_names if isinstance(channel_names, Mapping) else {"*": channel_names}
    for glob, names in named.items():
        ok = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
        if not ok or not isinstance(glob, str):
            raise TypeError(f"{given} is not names, or a mapping of globs to names; {works}")
    if not named or not all(glob.strip() and names and all(map(str.strip, names)) for glob, names in named.items()):
        raise ValueError(f"{given} lacks a name; {works}")


def given(value: Any) -> str:
    """What an error says was given: its class, or that it is one, where an instance was meant."""
    is_class = isinstance(value, type)
    return f"the class {value.__name__}; give an instance, not the class" if is_class else type(value).__name__


def require(value: Any, kind: type, hint: str) -> None:
    """Refuse an object of another kind.

    Raises:
        TypeError: Names what was given, and gives the hint.
    """
    if not isinstance(value, kind):
        words = f"expected a {kind.__name__}, got {given(value)}"
        raise TypeError(words if isinstance(value, type) else f"{words}; {hint}")
