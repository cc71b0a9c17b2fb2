"""What users do with a picture that is drawn leaves it right, or is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes

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
