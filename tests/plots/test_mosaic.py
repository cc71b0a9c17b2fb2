"""Matrices as pixels: averages where there is less room than values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from filterscope.plots.drawing import mosaic
from tests.support.arrays import normal


def averaged(values: np.ndarray, edges: np.ndarray, pixels: int) -> np.ndarray:
    """Means of the last axis by its definition, pixel by pixel."""
    means = np.zeros((*values.shape[:-1], pixels))
    for pixel in range(pixels):
        for cell, (begin, end) in enumerate(pairwise(edges)):
            share = min(end, pixel + 1) - max(begin, pixel)
            if share > 1e-9:
                means[..., pixel] += share * values[..., cell]
    return means


@pytest.mark.parametrize(("count", "pixels"), [(7, 7), (8, 7), (80, 67), (251, 67), (4096, 5), (3, 1)])
@pytest.mark.parametrize("axis", [-1, -2])
def test_an_axis_with_more_values_than_pixels_is_averaged(count: int, pixels: int, axis: int) -> None:
    values = normal(3, 4, count)
    wanted = averaged(values, np.linspace(0, pixels, count + 1), pixels)
    got = mosaic.shrink(values if axis == -1 else values.swapaxes(1, 2), pixels, axis)
    np.testing.assert_allclose(got if axis == -1 else got.swapaxes(1, 2), wanted, atol=2e-6)


@pytest.mark.parametrize("epochs", [[0, 1, 2, 3, 4], [0, 1, 2, 30, 31, 50], [5, 5, 6, 9], list(range(128))])
@pytest.mark.parametrize("height", [2, 6, 9, 47, 300])
def test_snapshots_lie_on_a_linear_axis_of_epochs(epochs: list[int], height: int) -> None:
    rows = normal(2, len(epochs), 3)
    last = max(1.0, float(np.median(np.diff(epochs))))
    edges = np.array([*epochs, epochs[-1] + last], float) - epochs[0]
    edges *= height / edges[-1]
    got = mosaic.lay_epochs(rows, np.array(epochs), height)
    assert got.shape == (2, height, 3)
    if height < 2 * len(epochs):
        np.testing.assert_allclose(got, averaged(rows.swapaxes(1, 2), edges, height).swapaxes(1, 2), atol=2e-6)
    else:
        shown = [max(i for i, edge in enumerate(edges[:-1]) if edge <= y + 0.5) for y in range(height)]
        np.testing.assert_array_equal(got, rows[:, shown])


def test_what_is_not_finite_marks_every_pixel_that_it_touches_and_no_other() -> None:
    values = np.arange(12, dtype=np.float32)[None, None]
    values[0, 0, [4, 10]] = np.nan, -np.inf
    got = mosaic.shrink(values, 8, -1)[0, 0]
    wanted = averaged(np.where(np.isfinite(values), values, 0), np.linspace(0, 8, 13), 8)[0, 0]
    touched_nan = [pixel for pixel in range(8) if pixel < 5 / 1.5 and pixel + 1 > 4 / 1.5]
    touched_inf = [pixel for pixel in range(8) if pixel < 11 / 1.5 and pixel + 1 > 10 / 1.5]
    assert np.flatnonzero(np.isnan(got)).tolist() == touched_nan
    assert np.flatnonzero(np.isinf(got)).tolist() == touched_inf
    rest = np.isfinite(got)
    np.testing.assert_allclose(got[rest], wanted[rest], rtol=1e-6)


def test_the_largest_floats_stay_finite() -> None:
    huge = np.full((1, 9, 90), np.finfo(np.float32).max)
    assert np.isfinite(mosaic.shrink(huge, 7, -1)).all()
    assert np.isfinite(mosaic.lay_epochs(huge, np.arange(9), 5)).all()
