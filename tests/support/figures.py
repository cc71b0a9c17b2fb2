"""Pictures drawn in a figure, and what can be seen in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import FigureBase
from matplotlib.text import Text

from filterscope import (
    FilterBank,
    FilterHistory,
    plot_drift,
    plot_evolution,
    plot_filter,
    plot_response,
    plot_spectrum,
    plot_taps,
)

KINDS = ("filter", "taps", "response", "spectrum", "evolution", "drift")
#: Colours of what is marked and of rotations.
AMBER, DEAD = (255, 196, 77), (0xE3, 0xE6, 0xEA)
ORANGE, GREY = "#c96a00", "#98a3af"


def noise(filters: int, channels: int, taps: int, seed: int = 0, layer: str = "conv1", **facts: Any) -> FilterBank:
    weights = np.random.default_rng(seed).normal(size=(filters, channels, taps)) * 0.2
    return FilterBank(layer, weights, **facts)


def draw(kind: str, now: FilterBank, before: FilterBank, figure: FigureBase | None = None) -> Any:
    history = FilterHistory([replace(before, epoch=0), replace(now, epoch=3)])
    return {
        "filter": lambda: plot_filter(now, 0, reference=before, figure=figure),
        "taps": lambda: plot_taps(now, reference=before, max_filters=None, figure=figure),
        "response": lambda: plot_response(now, reference=before, figure=figure),
        "spectrum": lambda: plot_spectrum(history, figure=figure),
        "evolution": lambda: plot_evolution(history, max_filters=None, figure=figure),
        "drift": lambda: plot_drift(history, figure=figure),
    }[kind]()


def pixels(figure: Any) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[:, :, :3]


def near(image: np.ndarray, colour: tuple[int, ...], by: int = 2) -> np.ndarray:
    return np.abs(image.astype(int) - colour).max(axis=-1) <= by


def words(figure: FigureBase) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def front(figure: FigureBase) -> LineCollection:
    """The lines of a picture's tiles as they are now."""
    return max(figure.findobj(LineCollection), key=lambda each: each.get_zorder())


def curves(figure: FigureBase) -> list[tuple[str, np.ndarray]]:
    """Name, and points ``(n, 2)`` in data, of every line in the axes of a picture; of the unnamed ones too."""
    lines = [each for each in widest(figure).collections if isinstance(each, LineCollection)]
    return [(str(line.get_label()), np.asarray(points)) for line in lines for points in line.get_segments()]


def widest(figure: FigureBase) -> Axes:
    """The axes of the picture itself."""
    return max(figure.findobj(Axes), key=lambda axes: axes.bbox.width)


def heights(figure: FigureBase) -> np.ndarray:
    """How far each tile's line is above its zero line, in pixels: (filters, taps)."""
    lines = figure.findobj(LineCollection)
    zero = min(lines, key=lambda each: each.get_zorder())
    pairs = zip(zero.get_segments(), front(figure).get_segments(), strict=True)
    return np.stack([middle[0, 1] - line[:, 1] for middle, line in pairs])
