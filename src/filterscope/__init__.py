"""filterscope: watch the filters of 1-D convolutional networks change during training.

Names are resolved on first use, so that importing the package imports neither torch nor Lightning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from filterscope.version import __version__ as __version__

_HOME = {
    "Conv1dFilterMonitor": "filterscope.lightning.callback",
    "FilterBank": "filterscope.filters.bank",
    "FilterHistory": "filterscope.filters.history",
    "FilterRecorder": "filterscope.recording.recorder",
    "dead_filters": "filterscope.filters.bank",
    "frequency_response": "filterscope.filters.spectrum",
    "load_history": "filterscope.events.history",
    "plot_drift": "filterscope.plots.drift",
    "plot_evolution": "filterscope.plots.evolution",
    "plot_filter": "filterscope.plots.single",
    "plot_overview": "filterscope.plots.overview",
    "plot_response": "filterscope.plots.response",
    "plot_spectrum": "filterscope.plots.spectrum",
    "plot_taps": "filterscope.plots.taps",
    "read_filters": "filterscope.models.read",
}

__all__ = [
    "Conv1dFilterMonitor",
    "FilterBank",
    "FilterHistory",
    "FilterRecorder",
    "dead_filters",
    "frequency_response",
    "load_history",
    "plot_drift",
    "plot_evolution",
    "plot_filter",
    "plot_overview",
    "plot_response",
    "plot_spectrum",
    "plot_taps",
    "read_filters",
]

if TYPE_CHECKING:
    from filterscope.events.history import load_history
    from filterscope.filters.bank import FilterBank, dead_filters
    from filterscope.filters.history import FilterHistory
    from filterscope.filters.spectrum import frequency_response
    from filterscope.lightning.callback import Conv1dFilterMonitor
    from filterscope.models.read import read_filters
    from filterscope.plots.drift import plot_drift
    from filterscope.plots.evolution import plot_evolution
    from filterscope.plots.overview import plot_overview
    from filterscope.plots.response import plot_response
    from filterscope.plots.single import plot_filter
    from filterscope.plots.spectrum import plot_spectrum
    from filterscope.plots.taps import plot_taps
    from filterscope.recording.recorder import FilterRecorder


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'filterscope' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
