"""Matrices as pixels: extremes where there is less room than values."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from filterscope.plots.drawing import mosaic
from filterscope.plots.drawing.canvas import SMALL, Box, Sheet
from filterscope.plots.drawing.colours import ONE_SIDED_CMAP, ROTATION_CMAP, SIGNED_CMAP
from filterscope.plots.drawing.lettering import text_width
from tests.support.arrays import normal
from tests.support.figures import AMBER, DEAD


def extremes(values: np.ndarray, owners: list[int], pixels: int) -> np.ndarray:
    """The largest in magnitude of the last axis that each pixel owns, by its definition; none: of the pixel before."""
    shown = np.zeros((*values.shape[:-1], pixels), values.dtype)
    for pixel in range(pixels):
        own = [i for i, owner in enumerate(owners) if owner == pixel]
        part = values[..., own]
        largest = np.abs(part).argmax(axis=-1, keepdims=True) if own else None
        shown[..., pixel] = shown[..., pixel - 1] if largest is None else np.take_along_axis(part, largest, -1)[..., 0]
    return shown


@pytest.mark.parametrize(("count", "pixels"), [(7, 7), (8, 7), (80, 67), (251, 67), (4096, 5), (3, 1)])
@pytest.mark.parametrize("axis", [-1, -2])
def test_of_more_values_than_pixels_the_largest_in_magnitude_are_shown(count: int, pixels: int, axis: int) -> None:
    values = normal(3, 4, count)
    owners = [max(p for p in range(pixels) if p * count // pixels <= i) for i in range(count)]
    got = mosaic.shrink(values if axis == -1 else values.swapaxes(1, 2), pixels, axis)
    np.testing.assert_array_equal(got if axis == -1 else got.swapaxes(1, 2), extremes(values, owners, pixels))


@pytest.mark.parametrize("epochs", [[3], [0, 1, 2, 3, 4], [0, 1, 2, 30, 31, 50], [5, 5, 6, 9], list(range(128))])
@pytest.mark.parametrize("height", [2, 6, 9, 47, 300])
def test_snapshots_lie_on_a_linear_axis_of_epochs_and_none_is_lost(epochs: list[int], height: int) -> None:
    rows = normal(2, len(epochs), 3)
    gap = max(1.0, float(np.median(np.diff(epochs)))) if epochs[1:] else 1.0
    middles = [epochs[0] - gap / 2, *((a + b) / 2 for a, b in itertools.pairwise(epochs))]
    edges = (np.array(middles) - epochs[0] + gap / 2) * height / (epochs[-1] - epochs[0] + gap)
    # The first pixel whose middle lies beyond its edge.
    owners = [min(next((y for y in range(height) if y + 0.5 >= edge), height - 1), height - 1) for edge in edges]
    got = mosaic.lay_epochs(rows, np.array(epochs), height)
    np.testing.assert_array_equal(got, extremes(rows.swapaxes(1, 2), owners, height).swapaxes(1, 2))
    peaks = rows.copy()
    peaks[:, min(1, len(epochs) - 1)] = 9
    assert (mosaic.lay_epochs(peaks, np.array(epochs), height) == 9).any(axis=1).all()


def test_what_is_not_finite_marks_the_pixel_that_it_lies_in_and_no_other() -> None:
    values = np.arange(24, dtype=np.float32)[None, None]
    values[0, 0, [4, 20, 19, 9]] = np.nan, -np.inf, np.nan, np.inf
    got = mosaic.shrink(values, 8, -1)[0, 0]
    wanted = [2, np.nan, 8, np.inf, 14, 17, np.inf, 23]
    np.testing.assert_array_equal(got, wanted)


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
