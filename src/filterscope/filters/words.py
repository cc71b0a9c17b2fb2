"""Words that several rooms need."""

from __future__ import annotations

from typing import Literal, get_args

#: How input channels are shown.
CHANNELS = ("auto", "all", "sum", "mean", "max", "l2", "principal")
#: What has a scale of its own in the picture of the taps.
Scale = Literal["layer", "filter"]
SCALES: tuple[Scale, ...] = get_args(Scale)
#: Axes of frequency.
Frequency = Literal["linear", "log"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)


def plural(count: int, noun: str) -> str:
    """``1 tap``, ``2 taps``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
