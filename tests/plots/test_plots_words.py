"""Every word of a picture can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from filterscope import FilterBank, FilterHistory, plot_drift, plot_evolution, plot_taps
from tests.support.figures import KINDS, draw, noise, pixels, words


def drawn_texts(figure: Figure) -> Iterator[Text]:
    """Texts that a reader sees: not those of ticks beyond the axis."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not axes.axison or not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    hidden |= {tick.label1, tick.label2}
    for text in figure.findobj(Text):
        if text not in hidden and text.get_visible() and text.get_text().strip():
            yield text


LONG = "encoder.stages.3.blocks.11.temporal_mixing.depthwise_separable.convolution.pointwise.conv1d_with_a_long_name"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", ["c", LONG])
@pytest.mark.parametrize("filters", [1, 8, 64, 512])
@pytest.mark.parametrize(("channels", "scale"), [(1, 0.00123), (6, 1234.5)])
def test_no_words_overlap_or_leave_the_figure(kind: str, layer: str, filters: int, channels: int, scale: float) -> None:
    bank, before = (
        FilterBank(layer, noise(filters, channels, 31, seed).weights * scale, epoch=4 * seed) for seed in (1, 0)
    )
    if filters > 1:
        bank.weights[1], bank.weights[filters // 2, 0, 3] = 0, np.nan
    figure = draw(kind, bank, before)
    assert_readable(figure)


@pytest.mark.parametrize("filters", [1, 8, 64])
@pytest.mark.parametrize("scale", [1e-7, 1.0, 54321.0])
@pytest.mark.parametrize("taps", [1, 5, 31])
def test_words_on_either_scale_can_be_read(filters: int, taps: int, scale: float) -> None:
    bank = noise(filters, 1, taps)
    bank = replace(bank, weights=bank.weights * np.float32(scale))
    for each in ("layer", "filter"):
        assert_readable(plot_taps(bank, scale=each))


@pytest.mark.parametrize("width", [280, 300, 330, 390, 450, 600])
@pytest.mark.parametrize("sample_rate", [None, 16_000.0])
@pytest.mark.parametrize(("filters", "channels", "taps"), [(16, 1, 31), (64, 64, 9), (4, 2, 31), (8, 64, 1)])
def test_words_can_be_read_in_narrow_subfigures(
    filters: int, channels: int, taps: int, sample_rate: float | None, width: int
) -> None:
    now, before = (
        replace(noise(filters, channels, taps, seed), epoch=seed * 40, stride=2, sample_rate=sample_rate)
        for seed in (1, 0)
    )
    figure = Figure(figsize=(2 * width / 100, 12.9), dpi=100)
    FigureCanvasAgg(figure)
    for kind, part in zip(KINDS, np.asarray(figure.subfigures(3, 2)).ravel(), strict=False):
        assert_readable(draw(kind, now, before, part))


@pytest.mark.parametrize("width", [280, 300, 330, 450, 600, 900])
@pytest.mark.parametrize(
    "epochs", [(0, 1), (1, 41), (95, 97, 99), (*range(0, 45, 4),), (*range(450),), (0, 449), (0, 4000, 9000)]
)
def test_epochs_can_be_read_whatever_their_span(epochs: tuple[int, ...], width: int) -> None:
    history = FilterHistory([replace(noise(16, 1, 3), epoch=epoch) for epoch in epochs])
    figure = Figure(figsize=(width / 100, 4.3), dpi=100)
    FigureCanvasAgg(figure)
    assert_readable(plot_drift(history, figure=figure))
    assert words(figure).splitlines()[1].endswith(f"epoch {epochs[-1]}")  # what goes first is the shape


def test_what_a_narrow_footnote_loses_first_is_its_end() -> None:
    feet = {}
    for width in (900, 450, 300):
        figure = plot_taps(noise(16, 64, 9), reference=noise(16, 64, 9, 1), figure=Figure(figsize=(width / 100, 4)))
        (feet[width],) = [line for line in words(figure).splitlines() if line.startswith("taps 0 to 8")]
    assert feet[900].endswith("shaded: moved since reference")
    assert len(feet[300]) < len(feet[450]) < len(feet[900])
    assert feet[900].startswith(f"{feet[450]} · ")
    assert feet[450].startswith(f"{feet[300]} · ")


def assert_readable(figure: Any, least: int = 3) -> None:
    figure.canvas.draw()
    room, boxes = figure.bbox, [(text.get_text(), text.get_window_extent()) for text in drawn_texts(figure)]
    assert len(boxes) >= least
    outside = [
        (word, box)
        for word, box in boxes
        if box.x0 < room.x0 - 1 or box.y0 < room.y0 - 1 or box.x1 > room.x1 + 1 or box.y1 > room.y1 + 1
    ]
    assert outside == []
    overlapping = [
        (word, other)
        for (word, a), (other, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 2
    ]
    assert overlapping == []


@pytest.mark.parametrize("kind", KINDS)
def test_dollar_signs_are_no_mathematics(kind: str) -> None:
    name = r"enc$_1$.$\frac{x$"  # matplotlib would refuse to draw this as mathematics
    bank, before = noise(3, 1, 9, layer=name), noise(3, 1, 9, 1, layer=name)
    figure = draw(kind, bank, before)
    pixels(figure)
    title = next(text for text in figure.findobj(Text) if name in text.get_text())
    assert title.get_parse_math() is False


def test_pictures_of_a_history_by_steps_tell_steps() -> None:
    moments = [(0, 0, False), (0, 40_000, True), (1, 70_000, False), (1, 80_000, True)]
    banks = [
        replace(noise(6, 1, 31, seed), epoch=epoch, step=step, within_epoch=within)
        for seed, (epoch, step, within) in enumerate(moments)
    ]
    history = FilterHistory(banks)
    evolution, drift = words(plot_evolution(history)), words(plot_drift(history))
    assert "steps 0 to 80000 ↓" in evolution
    assert "difference from initial" in evolution
    for shown in (evolution, drift, words(plot_taps(history[-1]))):
        assert "step 80000" in shown
        assert "epoch" not in shown
    assert {"0", "20000", "40000", "60000", "80000"} <= set(drift.splitlines())
    late = FilterHistory(banks[1:])
    assert "since step 40000" in words(plot_drift(late))
    assert "shaded: moved since step 40000" in words(plot_taps(late[-1], reference=late.reference))
