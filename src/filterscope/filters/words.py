"""Words that several rooms need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

#: How input channels are shown.
CHANNELS = ("auto", "all", "sum", "mean", "max", "l2", "principal", "logo")
#: What has a scale of its own in the picture of the taps.
Scale = Literal["layer", "filter"]
SCALES: tuple[Scale, ...] = get_args(Scale)
#: Axes of frequency.
Frequency = Literal["linear", "log"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
#: Characters of names that fit into a line that says other things too.
_SHORT = 30


def are_letters(names: Sequence[str]) -> bool:
    """Whether names of channels are the letters of a sequence, such as DNA: one capital each.

    Small ones are no letters: x, y and z are axes in space.
    """
    return len(names) > 1 and all(len(name) == 1 and name.isupper() for name in names)


def listed(names: Sequence[str]) -> str:
    """All of a few names, the first and the last of many."""
    return ", ".join(names) if sum(map(len, names)) <= _SHORT else f"{names[0]} to {names[-1]}"


def plural(count: int, noun: str) -> str:
    """``1 tap``, ``2 taps``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
