"""What users do with a picture that is drawn leaves it right, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from filterscope import FilterHistory, plot_evolution, plot_filter, plot_response, plot_spectrum, plot_taps
from tests.support.figures import KINDS, draw, noise, pixels


@pytest.mark.parametrize(
    "edit",
    [
        lambda axes: axes.set_xlim(0, 0.2),
        lambda axes: axes.set(ylim=(-10, 0)),
        lambda axes: axes.set_xbound(0, 0.2),
        lambda axes: axes.set_yscale("symlog"),
        lambda axes: axes.autoscale(),
        lambda axes: axes.invert_yaxis(),
    ],
)
@pytest.mark.parametrize(("kind", "filters"), [("filter", 3), ("response", 3), ("response", 8), ("spectrum", 8)])
def test_limits_whose_numbers_would_stay_are_refused(edit: Callable[[Axes], object], kind: str, filters: int) -> None:
    figure = draw(kind, noise(filters, 1, 31), noise(filters, 1, 31, 1))
    drawn = pixels(figure)
    for axes in figure.axes:
        with pytest.raises(RuntimeError, match=r"frequency_response\(bank\)"):
            edit(axes)
        assert not axes.get_navigate()
    assert np.array_equal(pixels(figure), drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_what_users_add_lies_where_the_numbers_say(kind: str) -> None:
    figure = draw(kind, noise(3, 1, 31), noise(3, 1, 31, 1))
    for axes in figure.axes:
        limits = axes.get_xlim(), axes.get_ylim()
        axes.plot([-100, 100], [-100, 100], color="lime")
        axes.axvline(0.25)
        assert (axes.get_xlim(), axes.get_ylim()) == limits


@pytest.mark.parametrize("on_own_figure", [False, True])
@pytest.mark.parametrize("filters", [3, 7, 16, 64])
def test_a_picture_without_title_is_cropped_to_all_of_it(filters: int, on_own_figure: bool) -> None:
    now, before = noise(filters, 1, 31), noise(filters, 1, 31, 1, epoch=0)
    history = FilterHistory([before, now.with_fields(epoch=1)])
    ways: list[Callable[..., Any]] = [
        lambda **bare: plot_taps(now, reference=before, **bare),
        lambda **bare: plot_taps(now, scale="filter", **bare),
        lambda **bare: plot_response(now, reference=before, **bare),
        lambda **bare: plot_evolution(history, **bare),
        lambda **bare: plot_spectrum(history, **bare),
        lambda **bare: plot_filter(now, 0, reference=before, **bare),
    ]
    for draw_on in ways:
        figure = draw_on(title=False, colorbar=False, figure=Figure((5, 3), 100) if on_own_figure else None)
        rows, columns = (pixels(figure).min(axis=2) < 230).nonzero()
        crop = figure.get_tightbbox()
        assert crop.x0 * 100 <= columns.min() + 3
        assert crop.x1 * 100 >= columns.max() - 3
        height = figure.bbox.height
        assert height - crop.y1 * 100 <= rows.min() + 3
        assert height - crop.y0 * 100 >= rows.max() - 3
