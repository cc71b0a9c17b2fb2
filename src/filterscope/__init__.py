"""filterscope: watch the filters of 1-D convolutional networks change during training.

Names are resolved on first use, so that importing the package imports neither torch nor Lightning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Conv1dFilterMonitor": "filterscope.callback",
    "FilterBank": "filterscope.bank",
    "FilterHistory": "filterscope.bank",
    "dead_filters": "filterscope.bank",
    "frequency_response": "filterscope.spectrum",
    "load_history": "filterscope.board.history",
    "plot_drift": "filterscope.plots",
    "plot_evolution": "filterscope.plots",
    "plot_filter": "filterscope.plots",
    "plot_response": "filterscope.plots",
    "plot_taps": "filterscope.plots",
    "read_filters": "filterscope.read",
}

__all__ = [
    "Conv1dFilterMonitor",
    "FilterBank",
    "FilterHistory",
    "dead_filters",
    "frequency_response",
    "load_history",
    "plot_drift",
    "plot_evolution",
    "plot_filter",
    "plot_response",
    "plot_taps",
    "read_filters",
]

if TYPE_CHECKING:
    from filterscope.bank import FilterBank, FilterHistory, dead_filters
    from filterscope.board.history import load_history
    from filterscope.callback import Conv1dFilterMonitor
    from filterscope.plots import plot_drift, plot_evolution, plot_filter, plot_response, plot_taps
    from filterscope.read import read_filters
    from filterscope.spectrum import frequency_response


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'filterscope' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
