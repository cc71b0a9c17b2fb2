"""Where the scale of tiles ends, and numbers in few characters."""

from __future__ import annotations

import math

import numpy as np

from filterscope.filters.arrays import Array


def format_value(value: float) -> str:
    """A number in at most about six characters, with a true minus."""
    size = abs(value)
    if not math.isfinite(value):
        text = "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    elif value == 0 or 1e-3 <= size < 99.5:
        text = f"{value:.2g}" if value else "0"
    elif 99.5 <= size < 9999.5:
        text = f"{value:.0f}"
    else:
        digits, exponent = f"{value:.0e}".split("e")
        text = f"{digits}e{int(exponent)}"
    return text.replace("-", "−")


def peaks(rows: Array) -> Array:
    """Largest finite magnitude of every filter of ``(filters, rows, taps)``; 0 where there is none."""
    return np.asarray(np.max(np.abs(rows), axis=(1, 2), initial=0.0, where=np.isfinite(rows)))


def safe_limit(*arrays: Array | None) -> float:
    """Largest finite magnitude of all arrays; 1 where everything is zero or nothing is finite."""
    largest = [float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in arrays if a is not None]
    return max(largest, default=0.0) or 1.0


def shared_limit(rows: Array, before: Array | None = None, *, quantile: float = 0.5, times: float = 2) -> float:
    """The value at the end of the scale that all tiles share.

    So many times a quantile of the filters' own largest values, zero ones aside, unless none is larger: twice the
    median has half of the tiles use half of their height at least, whatever a few large filters do.
    """
    largest, sizes = safe_limit(rows, before), peaks(rows)
    known = sizes[sizes > 0]
    return min(times * float(np.quantile(known, quantile)), largest) if known.size else largest


def is_clipped(rows: Array, limits: Array) -> Array:
    """Which filters of ``(filters, rows, taps)`` go beyond their limits, by more than rounding."""
    return np.asarray(peaks(rows) > limits * (1 + 1e-6))
