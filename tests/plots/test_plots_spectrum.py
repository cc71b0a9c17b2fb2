"""What the spectrum shows: the frequencies that a layer passes, at first, now and between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase

from filterscope import FilterBank, FilterHistory, plot_spectrum
from filterscope.plots.drawing.colours import DEAD_FACE, NONFINITE_FACE
from filterscope.plots.drawing.mosaic import PixelImage
from tests.support.figures import curves, near, noise, pixels, widest, words


def tones(frequency: float, epoch: int, layer: str = "stem", **facts: Any) -> FilterBank:
    """Filters that pass one frequency, in cycles per tap, each at a phase of its own."""
    phases = np.linspace(0, 3, 6)[:, None, None]
    waves = np.cos(2 * np.pi * frequency * np.arange(64) + phases) * np.hanning(64)
    return FilterBank(layer, waves, epoch=epoch, **facts)


def area(figure: FigureBase) -> np.ndarray:
    """Pixels of the map."""
    box = max((each.get_window_extent() for each in figure.findobj(PixelImage)), key=lambda box: box.width)
    return pixels(figure)[430 - round(box.y1) : 430 - round(box.y0), round(box.x0) : round(box.x1)]


def test_curves_have_the_peaks_of_first_and_last_and_the_map_those_of_all_snapshots() -> None:
    frequencies = [0.1, 0.1, 0.3, 0.4]
    history = FilterHistory([tones(f, epoch, sample_rate=8000.0) for epoch, f in enumerate(frequencies)])
    figure = plot_spectrum(history)
    assert widest(figure).get_xlim() == (0, 4000)
    then, now = (points for _, points in curves(figure))
    assert then[then[:, 1].argmax(), 0] == pytest.approx(800, abs=30)
    assert now[now[:, 1].argmax(), 0] == pytest.approx(3200, abs=30)
    shown = area(figure)
    for epoch, frequency in enumerate(frequencies):
        row = shown[int((epoch + 0.5) / 4 * len(shown))].sum(axis=-1)
        brightest = np.flatnonzero(row == row.max()).mean() / len(row)
        assert brightest == pytest.approx(frequency / 0.5, abs=0.02), epoch
    assert {"initial", "epoch 3", "frequency (kHz)", "epoch"} <= set(words(figure).splitlines())


def test_the_highest_frequency_is_that_of_the_dilated_taps_and_the_strides_alias_is_marked() -> None:
    history = FilterHistory([tones(0.1, epoch, dilation=2, stride=8) for epoch in (0, 1)])
    figure = plot_spectrum(history, sample_rate=1600)
    assert widest(figure).get_xlim() == (0, 400)
    assert "frequency (Hz) · dashed: stride alias · dilation 2: repeats above" in words(figure)
    dashes = near(area(figure), (17, 24, 39), 12).sum(axis=0)
    assert np.flatnonzero(dashes > 40).mean() / len(dashes) == pytest.approx(100 / 400, abs=0.01)
    assert "cycles/sample" in words(plot_spectrum(FilterHistory([noise(2, 1, 9)] * 2)))


@pytest.mark.parametrize("taps", [31, 64, 1024])
def test_a_logarithmic_axis_has_a_tone_at_its_octave_in_curves_and_map(taps: int) -> None:
    waves = [np.cos(2 * np.pi * f * np.arange(taps) + np.zeros((3, 1, 1))) * np.hanning(taps) for f in (0.1, 0.4)]
    banks = [FilterBank("stem", wave, epoch=epoch, sample_rate=16000.0) for epoch, wave in enumerate(waves)]
    figure = plot_spectrum(FilterHistory(banks), frequency="log")
    low, high = widest(figure).get_xlim()
    assert 16000 / taps / 2 <= low <= max(16000 / taps, 16)
    assert high == 8000
    shown = area(figure)
    for (_, points), epoch, hertz in zip(curves(figure), (0, 1), (1600, 6400), strict=True):
        assert points[points[:, 1].argmax(), 0] == pytest.approx(hertz, rel=0.06)
        assert points[0, 0] == low
        row = shown[int((epoch + 0.5) / 2 * len(shown))].sum(axis=-1)
        share = np.flatnonzero(row == row.max()).mean() / len(row)
        assert share == pytest.approx(np.log(hertz / low) / np.log(high / low), abs=0.03)
    assert "frequency (kHz)" in words(figure)


@pytest.mark.parametrize(("taps", "is_complex"), [(31, False), (251, False), (31, True), (100, True)])
def test_the_curve_is_the_mean_response_at_its_frequencies(taps: int, is_complex: bool) -> None:
    weights = noise(4, 2, taps).weights * np.hanning(taps) * np.exp(2j * np.pi * 0.4 * np.arange(taps))
    bank = FilterBank("stem", weights if is_complex else weights.real, epoch=0, sample_rate=1000.0)
    _, points = curves(plot_spectrum(FilterHistory([bank, bank.with_fields(epoch=1)])))[-1]
    waves = np.exp(2j * np.pi * np.outer(np.arange(taps), points[:, 0] / 1000))
    power = (np.abs(bank.weights.astype(complex) @ waves) ** 2).sum(axis=1)
    size = (np.abs(bank.weights.astype(complex)) ** 2).sum(axis=(1, 2))
    wanted = np.sqrt(power / size[:, None]).mean(axis=0)
    off = np.abs(points[:, 1] - wanted)[:-1]  # of 251 taps there are more frequencies by one: the last is of two
    assert off.max() < 0.001 * wanted.max()
    assert widest(plot_spectrum(FilterHistory([bank]))).get_xlim() == (-500 if is_complex else 0, 500)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_complex_wave_stands_on_the_side_that_its_layer_passes(transposed: bool) -> None:
    wave = np.exp(2j * np.pi * 0.2 * np.arange(64))[None, None]
    bank = FilterBank("stem", wave, sample_rate=16000.0, transposed=transposed)
    passed = 3200 if transposed else -3200  # what is correlated passes the wave turning the other way
    for _, points in curves(plot_spectrum(FilterHistory([bank] * 2))):
        assert points[points[:, 1].argmax(), 0] == pytest.approx(passed, abs=100)


def test_axes_that_cannot_be_are_refused() -> None:
    history = FilterHistory([noise(2, 1, 9)] * 2)
    with pytest.raises(ValueError, match="frequency='mel' is not known; use 'linear' or 'log'"):
        plot_spectrum(history, frequency="mel")  # type: ignore[arg-type]
    twisted = [bank.with_fields(weights=bank.weights * np.complex64(1j)) for bank in history]
    with pytest.raises(ValueError, match="negative frequencies of complex filters"):
        plot_spectrum(FilterHistory(twisted), frequency="log")


def test_snapshots_without_a_finite_filter_are_grey_or_amber_and_no_curve_is_drawn_of_them() -> None:
    wave = tones(0.2, 0)
    zero, broken = wave.weights * 0, wave.weights * np.nan
    banks = [replace(wave, weights=w, epoch=epoch) for epoch, w in enumerate((zero, wave.weights, broken))]
    figure = plot_spectrum(FilterHistory(banks))
    shown = area(figure)
    for epoch, face in ((0, DEAD_FACE), (2, NONFINITE_FACE)):
        rows = shown[int((epoch + 0.2) / 3 * len(shown)) : int((epoch + 0.8) / 3 * len(shown))]
        assert near(rows, tuple(round(255 * part) for part in to_rgb(face))).all()
    then, now = (points for _, points in curves(figure))
    assert np.isfinite(then).all()  # of the first snapshot that is not zero
    assert now.size == 0
    assert "epoch 1" in words(figure)


def test_the_scale_is_that_of_all_snapshots_and_even_levels_are_not_at_its_end() -> None:
    impulse = np.zeros((4, 1, 16))
    impulse[:, :, 3] = 1
    even = FilterHistory([FilterBank("stem", impulse, epoch=epoch) for epoch in (0, 1)])
    assert widest(plot_spectrum(even)).get_ylim() == (0, 2)
    figure = plot_spectrum(FilterHistory([tones(0.2, 0), replace(noise(6, 1, 64, layer="stem"), epoch=1)]))
    then, _ = (points for _, points in curves(figure))
    top = widest(figure).get_ylim()[1]
    assert then[:, 1].max() <= top < 1.5 * then[:, 1].max()
