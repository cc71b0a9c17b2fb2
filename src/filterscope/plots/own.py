"""Pictures of the user's own: functions ``(bank, *, reference) -> Figure``."""

from __future__ import annotations

import inspect
import io
import struct
import sys
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from filterscope.filters.bank import FilterBank


def render(function: Callable[..., Any], bank: FilterBank, reference: FilterBank) -> tuple[bytes, int, int]:
    """Draw one as PNG, its width and its height in pixels beside it, and close it if it was pyplot's.

    Raises:
        TypeError: The function gave something else than a figure.
    """
    # Copies: what is written into these arrays must not be written into the record.
    figure = function(_copy(bank), reference=_copy(reference))
    try:
        if not isinstance(figure, Figure):
            raise TypeError(f"{function.__name__} returned a {type(figure).__name__}, not a matplotlib Figure")
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
    finally:
        if "matplotlib.pyplot" in sys.modules and isinstance(figure, Figure):
            sys.modules["matplotlib.pyplot"].close(figure)
    png = stream.getvalue()
    width, height = struct.unpack(">II", png[16:24])  # of the header chunk, which comes first
    return png, width, height


def meaning(function: Callable[..., Any]) -> str:
    """What the card means: the first line of the function's docstring."""
    return (inspect.getdoc(function) or f"A picture of your own: {function.__name__}.").partition("\n")[0]


def _copy(bank: FilterBank) -> FilterBank:
    return bank.with_fields(weights=bank.weights.copy())
