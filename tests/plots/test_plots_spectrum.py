"""What the spectrum shows: the frequencies that a layer passes, at first, now and between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase

from filterscope import FilterBank, FilterHistory, plot_spectrum
from filterscope.plots.drawing.canvas import DEAD_FACE, NONFINITE_FACE
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
    assert "frequency (Hz) · dashed: stride alias" in words(figure)
    dashes = near(area(figure), (17, 24, 39), 12).sum(axis=0)
    assert np.flatnonzero(dashes > 40).mean() / len(dashes) == pytest.approx(100 / 400, abs=0.01)
    assert "cycles/sample" in words(plot_spectrum(FilterHistory([noise(2, 1, 9)] * 2)))


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
