"""Of more values than pixels, pictures show the extremes: what oscillates fast is as visible as what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from filterscope import FilterBank, FilterHistory, plot_drift, plot_evolution, plot_filter, plot_response, plot_taps
from filterscope.plots.drawing.colours import rotation_colours
from filterscope.plots.drawing.mosaic import PixelImage
from filterscope.plots.drawing.reduction import envelope, signed_extremes, trace
from filterscope.plots.drawing.tiles import HeatTiles, LineTiles
from filterscope.plots.taps import TapsPicture
from tests.support.arrays import normal
from tests.support.figures import curves, front, near, noise, pixels, widest

RATE = 16000


def tones(taps: int, filters: int, channels: int = 1) -> FilterBank:
    """Tones of 440 Hz and 5 kHz in turn, of the same norm."""
    hertz = np.where(np.arange(filters) % 2, 5000, 440)[:, None, None]
    waves = np.sin(2 * np.pi * hertz / RATE * np.arange(taps) + 0.3)
    waves = np.repeat(waves / np.linalg.norm(waves, axis=2, keepdims=True), channels, axis=1)
    return FilterBank("conv", waves, sample_rate=RATE)


def inside(bank: FilterBank) -> tuple[Any, list[np.ndarray]]:
    """The tiles of a picture, and the pixels inside of the first two."""
    picture = TapsPicture(bank, max_filters=None)
    image, tiles = pixels(picture.sheet.figure).astype(float), picture._tiles
    assert isinstance(tiles, HeatTiles | LineTiles)
    width, height = tiles.width, tiles.height
    return tiles, [image[y + 3 : y + height - 3, x + 3 : x + width - 3] for x, y in tiles.corners[:2].astype(int)]


@pytest.mark.parametrize("taps", [251, 1024, 16000])
@pytest.mark.parametrize(("filters", "channels"), [(2, 2), (8, 2), (64, 2), (65, 1), (128, 1), (512, 1)])
def test_a_high_tone_is_as_strong_in_a_heat_map_as_a_low_one(taps: int, filters: int, channels: int) -> None:
    tiles, shown = inside(tones(taps, filters, channels))
    assert isinstance(tiles, HeatTiles)
    low, high = (np.linalg.norm(255 - part, axis=-1).mean() for part in shown)
    # Neither is sampled at the very top of its wave.
    assert 0.98 <= high / low <= 4 / 3


@pytest.mark.parametrize("taps", [1024, 16000])
@pytest.mark.parametrize("filters", [2, 8, 64])
def test_a_line_reaches_the_extremes_of_every_column(taps: int, filters: int) -> None:
    bank = tones(taps, filters)
    tiles, shown = inside(bank)
    assert isinstance(tiles, LineTiles)
    limit = np.abs(bank.weights[:2]).max()
    for part, row in zip(shown, bank.weights[:, 0], strict=False):
        least, most = envelope(row, tiles.width)
        drawn = np.any(part < 250, axis=2)
        for column in range(tiles.width // 4, tiles.width // 2):
            inked = np.flatnonzero(drawn[:, column - 3]) + 3
            top, bottom = tiles.height * (0.5 - 0.47 * np.array([most[column], least[column]]) / limit)
            assert inked[0] <= top + 1.5
            assert inked[-1] >= bottom - 2.5


def test_blocks_keep_the_sign_of_their_largest_value() -> None:
    values = np.array([1, -3, 2, 5, -5, 0, 0, -1, 0.5])
    assert signed_extremes(values, np.array([0, 3, 6]), -1).tolist() == [-3, 5, -1]
    assert [each.tolist() for each in envelope(values, 3)] == [[-3, -5, -1], [2, 5, 0.5]]


def test_a_line_runs_through_its_blocks_from_first_to_last() -> None:
    rising = np.linspace(0, 1, 1000)
    for values in (rising, -rising):
        x, y = trace(np.arange(1000), values, 50)
        assert (len(x), x[0], x[-1]) == (100, 9.5, 989.5)
        assert (np.abs(np.diff(y, prepend=0)) == np.diff(np.abs(y), prepend=0)).all()
    few = rising[:50]
    assert trace(few, few, 50)[1] is few


@pytest.mark.parametrize("filters", [2, 3])
def test_a_picture_of_long_filters_hands_few_corners_to_matplotlib(filters: int) -> None:
    """400,000 taps took 142 s and 2.7 GB."""
    now, before = (FilterBank("conv", normal(filters, 1, 400_000, seed=seed)) for seed in (0, 1))
    for figure in (plot_taps(now, reference=before), plot_filter(now, 0, reference=before), plot_response(now)):
        parts: list[Any] = [each for kind in (LineCollection, PolyCollection) for each in figure.findobj(kind)]
        corners = sum(len(path.vertices) for each in parts for path in each.get_paths())
        assert 1000 < corners < 20_000
        assert all(image._pixels.size < 4 * 900 * 430 for image in figure.findobj(PixelImage))


def test_what_one_filter_of_many_did_in_one_epoch_of_many_is_seen() -> None:
    epochs, filters = 4000, 700
    start = normal(filters, 1, 4)
    banks = [FilterBank("conv", start, epoch=0), FilterBank("conv", start, epoch=epochs)]
    turned = start.copy()
    turned[450] *= -1
    banks[1:1] = [FilterBank("conv", turned if epoch == 7 else start, epoch=epoch) for epoch in range(1, 12)]
    figure = plot_drift(FilterHistory(banks))
    left = int(widest(figure).bbox.x0)
    reversed_ = tuple((rotation_colours(np.array([2.0]), 1)[0, :3] * 255).astype(int))
    assert near(pixels(figure)[:, left : left + 3], reversed_).any()


def test_what_swings_from_epoch_to_epoch_is_seen_in_evolution() -> None:
    """Plus and minus in turn, more of them than a tile has pixels."""
    start = noise(64, 1, 9).weights
    swing = np.zeros_like(start)
    swing[:, 0, 4] = 1
    banks = [FilterBank("conv", start + (-1) ** epoch * min(epoch, 1) * swing, epoch=epoch) for epoch in range(120)]
    image = pixels(plot_evolution(FilterHistory(banks)))
    ends = [(0x67, 0, 0x1F), (5, 0x30, 0x61)]
    assert sum(near(image, colour, 8).sum() for colour in ends) > 64 * 60


def test_a_drawn_line_ends_where_a_long_filter_does() -> None:
    bank = noise(1, 1, 5000)
    line = front(plot_taps(bank)).get_segments()[0]
    assert np.ptp(line[:, 0]) > 800
    ((_, curve),) = curves(plot_filter(bank, 0))
    assert curve[[0, -1], 0] == pytest.approx([0, 4999], abs=5)
    assert (curve[:, 1].min(), curve[:, 1].max()) == (bank.weights.min(), bank.weights.max())
