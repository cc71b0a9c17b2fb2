"""Matrices as pixels: averages where there is less room than values."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from filterscope.plots.drawing import mosaic
from filterscope.plots.drawing.canvas import ONE_SIDED_CMAP, ROTATION_CMAP, SIGNED_CMAP, SMALL, Box, Sheet
from filterscope.plots.drawing.lettering import text_width
from tests.support.arrays import normal
from tests.support.figures import AMBER, DEAD


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


@pytest.mark.parametrize("dpi", [100, 250])
def test_an_image_shows_the_pixels_it_was_given_last_on_any_canvas(dpi: int) -> None:
    """At another resolution than its own, matplotlib resamples it."""
    sheet = Sheet(None, "")
    image = mosaic.PixelImage.in_box(sheet, Box(100, 200, 40, 20))
    sheet.figure.set_dpi(dpi)
    for seed in range(2):
        given = np.random.default_rng(seed).integers(0, 256, (20, 40, 4), np.uint8)
        given[..., 3] = 255
        image.set_pixels(given)
        figure: Any = sheet.figure
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        size = dpi / 100
        rows, columns = ((np.arange(n) + 0.5) * size for n in (20, 40))
        shown = np.asarray(canvas.buffer_rgba())[int(200 * size) :, int(100 * size) :]
        assert np.array_equal(shown[rows.astype(int)][:, columns.astype(int)], given)


def test_colours_run_from_one_end_of_the_scale_to_the_other() -> None:
    values = np.array([-9, -3, -1.5, 0, 1.5, 3, 9], np.float32)
    for one_sided, cmap, positions in (
        (False, SIGNED_CMAP, [0, 0, 0.25, 0.5, 0.75, 1, 1]),
        (True, ONE_SIDED_CMAP, [0, 0, 0, 0, 0.5, 1, 1]),
    ):
        got = mosaic.colour(values, 3.0, cmap, one_sided)
        assert np.abs(got.astype(int) - cmap(positions, bytes=True)).max() <= 3
    assert mosaic.colour(np.zeros(1), 3.0, SIGNED_CMAP).tolist() == SIGNED_CMAP([128], bytes=True).tolist()
    marked = mosaic.colour(np.array([np.nan, np.inf, -np.inf]), 1, SIGNED_CMAP, undefined="#e3e6ea")
    assert marked.tolist() == [[*DEAD, 255], [*AMBER, 255], [*AMBER, 255]]


def test_tiles_are_framed_in_their_colours_and_nothing_lies_between() -> None:
    box = Box(0, 0, 200, 90)
    grid = mosaic.Grid(count=5, columns=3, cell=(60.0, 45.0), head=10.0, gap=6.0, row_label=20.0)
    assert grid.inner == (54, 29)
    tiles = np.random.default_rng(0).integers(0, 256, (5, 29, 54, 4), np.uint8)
    frames = ROTATION_CMAP(np.linspace(0, 1, 5))
    for border in (1, 3):
        sheet = mosaic.paste(tiles, grid, box, frames, border)
        assert sheet.shape == (90, 200, 4)
        rest = np.ones((90, 200), bool)
        for i, (left, top) in enumerate([(23, 13), (83, 13), (143, 13), (23, 58), (83, 58)]):
            part = sheet[top : top + 29, left : left + 54]
            inside = np.zeros((29, 54), bool)
            inside[border:-border, border:-border] = True
            assert np.array_equal(part[inside], tiles[i][inside])
            assert np.abs(part[~inside] - frames[i] * 255).max() <= 1
            rest[top : top + 29, left : left + 54] = False
        assert not sheet[rest].any()
    bare = mosaic.paste(tiles, grid, box)
    assert np.array_equal(bare[13:42, 23:77], tiles[0])


@pytest.mark.parametrize("count", [1, 2, 8, 64, 128, 512])
@pytest.mark.parametrize("size", [(780, 360), (280, 360), (780, 130)])
def test_tiles_fill_the_box_without_touching_and_with_room_for_their_numbers(count: int, size: tuple[int, int]) -> None:
    grid = mosaic.Grid.fit(count, Box(0, 0, *size), 15)
    corners, (width, height) = grid.corners(), grid.inner
    assert len(np.unique(corners, axis=0)) == count
    assert corners[:, 0].min() >= grid.row_label
    assert corners[:, 1].min() >= grid.head
    assert (corners + np.array([width, height]) <= size).all()
    for axis, side in enumerate((width, height + int(grid.head))):
        steps = np.diff(np.unique(corners[:, axis]))
        assert (steps > side).all()  # a gap, too
        assert (steps < side + 12).all()
    assert width * height * count > 0.3 * size[0] * size[1]
    assert 1.45 / 2.2 < width / height < 1.45 * 2.2 or count <= 2
    assert bool(grid.head) != bool(grid.row_label) or count == 1
    assert grid.row_label == 0 or grid.row_label > text_width("512", SMALL)


def test_cells_are_repeated_evenly_where_there_is_room() -> None:
    values = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    got = mosaic.heat(values, 8, 9, 5.0, SIGNED_CMAP, one_sided=True)
    cells = mosaic.colour(values, 5.0, SIGNED_CMAP, True)
    assert np.array_equal(got, cells.repeat(4, axis=1).repeat(3, axis=2))
