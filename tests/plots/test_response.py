"""The response: rows in the order of their own peaks, frequencies on either axis, a legend of every curve."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from filterscope import FilterBank, FilterHistory, plot_response, plot_spectrum
from filterscope.plots.response import ResponsePicture
from tests.support.figures import curves, noise, pixels, widest, words

RATE = 16000


def tones(hertz: Any, taps: int = 256, **facts: Any) -> FilterBank:
    waves = np.cos(2 * np.pi * np.array(hertz)[:, None] / RATE * np.arange(taps)) * np.hanning(taps)
    return FilterBank("conv", waves[:, None], sample_rate=RATE, **facts)


def brightest(picture: ResponsePicture, place: int) -> np.ndarray:
    """Where each row of a map is brightest, as a share of its width."""
    image = picture._maps[place].image._pixels.astype(int).sum(axis=2)
    return np.asarray(image.argmax(axis=1) + 0.5) / image.shape[1]


def numbers(picture: ResponsePicture, place: int) -> np.ndarray:
    """The outlines of a map's row numbers, less where they stand across."""
    path = picture._maps[place].numbers.get_path()
    corners = np.asarray(path.vertices).copy()
    corners[:, 0] -= picture._maps[place].box.left
    return corners


def test_each_map_is_in_the_order_of_its_own_peaks_with_its_own_numbers() -> None:
    rising = np.linspace(500, 7000, 8)
    start, now = np.roll(np.arange(8), 3), np.arange(8)[::-1]
    picture = ResponsePicture(tones(rising[now]), tones(rising[start]))
    for place in (0, 1):
        assert (np.diff(brightest(picture, place)) >= 0).all()
        assert np.ptp(brightest(picture, place)) > 0.75
    sorted_ones = (tones(rising, indices=np.argsort(each), total_filters=8) for each in (start, now))
    alone = [numbers(ResponsePicture(each, each), 0) for each in sorted_ones]
    for place in (0, 1):
        np.testing.assert_allclose(numbers(picture, place), alone[place])
    picture.update(tones(rising[start]))
    np.testing.assert_allclose(numbers(picture, 1), alone[0])


@pytest.mark.parametrize("taps", [64, 251])
def test_a_logarithmic_axis_has_a_tone_at_its_octave(taps: int) -> None:
    hertz = np.array([500.0, 1000, 2000, 4000, 1500, 750, 3000, 6000])
    picture = ResponsePicture(tones(hertz, taps), frequency="log")
    low, high = widest(picture.sheet.figure).get_xlim()
    assert RATE / taps / 2 <= low < RATE / taps
    assert high == RATE / 2
    shares = np.unique(brightest(picture, 0).round(3))
    wanted = np.sort(np.log(hertz / low) / np.log(high / low))
    np.testing.assert_allclose([shares[np.abs(shares - each).argmin()] for each in wanted], wanted, atol=0.04)
    assert {"0.5", "1", "2", "5"} <= set(words(picture.sheet.figure).splitlines())


def test_curves_of_a_logarithmic_axis_are_the_same_responses() -> None:
    bank = noise(2, 1, 31).with_fields(sample_rate=100.0)
    x, y = dict(curves(plot_response(bank)))["filter 1"].T
    figure = plot_response(bank, frequency="log")
    shown = dict(curves(figure))["filter 1"]
    assert widest(figure).get_xscale() == "log"
    assert np.array_equal(shown[:, 0], x[x >= 100 / 31 / 2])
    assert np.array_equal(shown[:, 1], y[x >= 100 / 31 / 2])


@pytest.mark.parametrize("filters", [1, 3])
def test_the_legend_names_every_curve(filters: int) -> None:
    now, before = noise(filters, 1, 31), noise(filters, 1, 31, 1, epoch=0)
    entries = [f"filter {i}" for i in range(filters)]
    lines = words(plot_response(now, reference=before)).splitlines()
    assert {*entries, "pale: initial"} <= set(lines)
    assert "pale: reference" in words(plot_response(now, reference=before.with_fields(epoch=None)))
    assert "pale" not in words(plot_response(now))


@pytest.mark.parametrize("size", [(9, 4.3), (4.5, 3), (3.3, 2.2)])
@pytest.mark.parametrize("filters", [1, 4])
def test_the_legend_covers_no_curve(filters: int, size: tuple[float, float]) -> None:
    figure = Figure(size, dpi=100)
    with mpl.rc_context({"font.size": 7}):
        plot_response(noise(filters, 1, 31), reference=noise(filters, 1, 31, 1, epoch=0), figure=figure)
    plane = widest(figure).get_window_extent()
    names = [each for each in figure.findobj(Text) if each.get_text().startswith(("filter ", "pale: "))]
    assert len(names) == filters + 1
    for name in names:
        box = name.get_window_extent()
        assert box.y0 >= plane.y1
        assert box.x1 <= figure.bbox.width
    assert plane.height > 0.4 * figure.bbox.height


def test_zero_and_broken_filters_have_rows_below_all_others() -> None:
    bank = noise(9, 1, 31)
    bank.weights[0], bank.weights[1, 0, 3] = 0, np.nan
    image = ResponsePicture(bank)._maps[0].image._pixels
    assert image[-20, 5, :3].tolist() == [0xFF, 0xC4, 0x4D]
    assert image[-50, 5, :3].tolist() == [0xE3, 0xE6, 0xEA]


def test_axes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="frequency='mel' is not known; use 'linear' or 'log'"):
        plot_response(noise(2, 1, 9), frequency="mel")  # type: ignore[arg-type]
    twisted = noise(2, 1, 9).with_fields(weights=noise(2, 1, 9).weights * np.complex64(1j))
    with pytest.raises(ValueError, match="negative frequencies of complex filters"):
        plot_response(twisted, frequency="log")


def test_a_log_axis_without_a_rate_is_in_cycles_per_sample() -> None:
    figure = plot_response(noise(6, 2, 9), frequency="log")
    assert "cycles/sample" in words(figure)
    assert pixels(figure).shape == (430, 900, 3)


@pytest.mark.parametrize(
    ("rate", "unit", "last"),
    [
        (1e9, "MHz", 500),
        (5e9, "GHz", 2.5),
        (3e6, "kHz", 1500),
        (2e3, "Hz", 1000),
        (1.0, "Hz", 0.5),
        (1e-3, "mHz", 0.5),
        (1e-6, "µHz", 0.5),
    ],
)
@pytest.mark.parametrize("filters", [2, 8])
def test_frequencies_of_any_rate_are_told_in_a_unit_in_which_they_are_short(
    filters: int, rate: float, unit: str, last: float
) -> None:
    bank = noise(filters, 1, 31, sample_rate=rate)
    assert f"frequency ({unit})" in words(plot_spectrum(FilterHistory([bank.with_fields(epoch=0)])))
    figure = plot_response(bank, figure=Figure((9, 4.3), dpi=100))
    assert f"frequency ({unit})" in words(figure)
    bottom = widest(figure).get_window_extent().y0
    texts = [each for each in figure.findobj(Text) if each.get_text().replace(".", "").isdigit()]
    numbers = [each for each in texts if each.get_window_extent().y1 < bottom]
    assert max(float(each.get_text()) for each in numbers) == last
    assert max(each.get_window_extent().x1 for each in numbers) <= 900
