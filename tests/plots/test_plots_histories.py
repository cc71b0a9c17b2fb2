"""What pictures of a history show: evolution and drift, epoch by epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from filterscope import FilterHistory, plot_drift, plot_evolution
from filterscope.plots.drawing.mosaic import PixelImage
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.drift import DriftPicture
from filterscope.plots.picture import Times
from tests.support.figures import GREY, ORANGE, near, noise, pixels, widest, words


def test_evolution_shows_the_difference_tap_by_tap_and_epoch_by_epoch() -> None:
    start = noise(1, 1, 10, epoch=0)
    banks = [start]
    for epoch in (1, 2, 3):
        weights = start.weights.copy()
        weights[0, 0, 7] += 0.5 * (epoch >= 1)
        weights[0, 0, 2] -= 0.5 * (epoch >= 3)
        banks.append(replace(start, weights=weights, epoch=epoch))
    figure = plot_evolution(FilterHistory(banks))
    tiles = max((each.get_window_extent() for each in figure.findobj(PixelImage)), key=lambda box: box.width)
    image = pixels(figure).astype(int)
    x0, x1 = tiles.x0, tiles.x1
    y0, y1 = 430 - tiles.y1, 430 - tiles.y0
    inside = image[int(y0) + 26 : int(y1) - 12, int(x0) + 12 : int(x1) - 12]  # less the number and the frame
    red, blue = (inside[:, :, a] - inside[:, :, b] > 60 for a, b in ((0, 2), (2, 0)))
    for mask, tap, first in ((red, 7, 1), (blue, 2, 3)):
        rows, columns = np.nonzero(mask)
        assert columns.mean() / inside.shape[1] * 10 == pytest.approx(tap + 0.5, abs=0.2)
        assert np.ptp(columns) / inside.shape[1] == pytest.approx(0.1, abs=0.02)
        assert rows.min() / inside.shape[0] == pytest.approx(first / 4, abs=0.04)
        assert rows.max() == inside.shape[0] - 1
    assert "difference from initial" in words(figure)
    assert "epochs 0 to 3 ↓" in words(figure)


@pytest.mark.parametrize("channels", [4, 32])
def test_evolution_of_several_channels_shows_signs_which_stay_from_one_picture_to_the_next(channels: int) -> None:
    start, mix = noise(1, channels, 16, epoch=0), noise(1, channels, 1, 5).weights
    wave = np.sin(np.arange(16) * np.pi / 4)  # two periods
    banks = [replace(start, weights=start.weights + epoch * mix * wave, epoch=epoch) for epoch in range(7)]
    first = None
    for last in (2, 4, 7):
        figure = plot_evolution(FilterHistory(banks[:last]))
        tiles = max((each.get_window_extent() for each in figure.findobj(PixelImage)), key=lambda box: box.width)
        row = pixels(figure).astype(int)[430 - int(tiles.y0) - 20, int(tiles.x0) + 10 : int(tiles.x1) - 10]
        shape = (row[:, 0] - row[:, 2])[len(row) // 32 :: len(row) // 16][:16]  # red, or blue
        assert abs(np.corrcoef(shape, wave)[0, 1]) > 0.9
        first = shape if first is None else first
        assert np.corrcoef(shape, first)[0, 1] > 0.9
        assert "along principal direction" in words(figure)


def test_drift_shows_the_last_of_two_snapshots_of_one_epoch() -> None:
    start = noise(2, 1, 20, epoch=0)
    flipped = replace(start, weights=start.weights * np.array([[[1]], [[-1]]], np.float32), epoch=2)
    history = FilterHistory([start, replace(start, epoch=1), replace(start, epoch=2), flipped])
    figure = plot_drift(history)
    image = pixels(figure)
    axes = widest(figure)
    assert axes.get_xlim() == (-0.5, 2.5)
    for (epoch, row), colour in {(0, 1): GREY, (1, 1): GREY, (2, 1): ORANGE, (2, 0): GREY, (0, 0): GREY}.items():
        x, y = axes.transData.transform((epoch, row))
        wanted = tuple(round(255 * part) for part in to_rgba(colour)[:3])
        assert near(image[430 - int(y), int(x)], wanted, 4), (epoch, row)


def test_drift_of_a_layer_of_many_filters_fills_its_axes_with_those_that_it_shows() -> None:
    start = noise(40, 1, 20, epoch=0)
    signs = np.array([-1 if i == 3 else 1 for i in range(40)], np.float32)
    now = replace(start, weights=start.weights * signs[:, None, None])
    picture = DriftPicture(start.head(4), start.head(4))
    rotation = [np.zeros(4), np.array([0, 0, 0, 2])]
    picture.update(replace(now, epoch=1), rotation, Times(np.array([0, 1])))
    image, axes = Raster(picture.sheet).pixels(), widest(picture.sheet.figure)
    for row, colour in enumerate([GREY, GREY, GREY, ORANGE]):
        x, y = axes.transData.transform((1, row))
        wanted = tuple(round(255 * part) for part in to_rgba(colour)[:3])
        assert near(image[430 - int(y), int(x), :3], wanted, 4), row


def test_the_last_snapshot_of_a_sparse_history_is_as_wide_as_the_others() -> None:
    start = noise(3, 1, 9, epoch=0)
    history = FilterHistory([start, *[replace(start, weights=-start.weights, epoch=epoch) for epoch in (20, 40, 60)]])
    image, axes = pixels(plot_drift(history)), widest(plot_drift(history))
    red = near(image, tuple(round(255 * part) for part in to_rgba(ORANGE)[:3]), 4)
    assert red.sum() / np.prod(axes.bbox.size) == pytest.approx(3 / 4, rel=0.02)


def test_above_the_number_of_a_step_is_the_snapshot_of_that_step() -> None:
    start = noise(1, 1, 9, epoch=0, step=0)
    steps = [0, 100, 200, 300, 390, 400, 500]  # an epoch ends at 390
    banks = [replace(start, step=step, within_epoch=step != 390) for step in steps]
    banks[5] = replace(banks[5], weights=-start.weights)
    figure = plot_drift(FilterHistory(banks))
    axes = widest(figure)
    orange = tuple(round(255 * part) for part in to_rgba(ORANGE)[:3])
    columns = near(pixels(figure)[200, : int(axes.bbox.x1)], orange, 4).nonzero()[0]
    [number] = [text for text in figure.findobj(Text) if text.get_text() == "400"]
    box = number.get_window_extent()
    assert columns.min() < (box.x0 + box.x1) / 2 < columns.max()
    left, right = axes.get_window_extent().intervalx
    low, high = axes.get_xlim()
    for column, step in ((columns.min(), 395), (columns.max(), 450)):  # halfway to its neighbours
        assert low + (column + 0.5 - left) / (right - left) * (high - low) == pytest.approx(step, abs=2)
