"""Pictures of filters: banks and histories in, matplotlib figures out. Nothing here touches pyplot."""

from filterscope.plots.drift import plot_drift
from filterscope.plots.evolution import plot_evolution
from filterscope.plots.response import plot_response
from filterscope.plots.single import plot_filter
from filterscope.plots.taps import plot_taps

__all__ = ["plot_drift", "plot_evolution", "plot_filter", "plot_response", "plot_taps"]
