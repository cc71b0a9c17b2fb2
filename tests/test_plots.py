"""Pictures: what they show, where they are drawn, and that every word of them can be read."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.text import Text
from PIL import Image

from filterscope import FilterBank, FilterHistory, plot_drift, plot_evolution, plot_filter, plot_response, plot_taps
from filterscope.plots.drift import DriftPicture
from filterscope.plots.evolution import EvolutionPicture, tap_rows
from filterscope.plots.raster import Raster
from filterscope.plots.response import ResponsePicture
from filterscope.plots.taps import TapsPicture

KINDS = ("filter", "taps", "response", "evolution", "drift")
AMBER, DEAD = (255, 196, 77), (0xE3, 0xE6, 0xEA)
RED, GREY = "#e5141f", "#98a3af"


def noise(filters: int, channels: int, taps: int, seed: int = 0, layer: str = "conv1", **facts: Any) -> FilterBank:
    weights = np.random.default_rng(seed).normal(size=(filters, channels, taps)) * 0.2
    return FilterBank(layer, weights, **facts)


def draw(kind: str, now: FilterBank, before: FilterBank, figure: FigureBase | None = None) -> Any:
    history = FilterHistory([replace(before, epoch=0), replace(now, epoch=3)])
    return {
        "filter": lambda: plot_filter(now, 0, reference=before, figure=figure),
        "taps": lambda: plot_taps(now, reference=before, max_filters=None, figure=figure),
        "response": lambda: plot_response(now, reference=before, figure=figure),
        "evolution": lambda: plot_evolution(history, max_filters=None, figure=figure),
        "drift": lambda: plot_drift(history, figure=figure),
    }[kind]()


def pixels(figure: Any) -> np.ndarray:
    figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())[:, :, :3]


def near(image: np.ndarray, colour: tuple[int, ...], by: int = 2) -> np.ndarray:
    return np.abs(image.astype(int) - colour).max(axis=-1) <= by


def words(figure: FigureBase) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


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


def front(figure: FigureBase) -> LineCollection:
    """The lines of a picture's tiles as they are now."""
    lines = [each for axes in figure.axes for each in axes.collections if isinstance(each, LineCollection)]
    return max(lines, key=lambda each: each.get_zorder())


def widest(figure: FigureBase) -> Axes:
    """The axes of the picture itself."""
    return max(figure.axes, key=lambda axes: axes.bbox.width)


def heights(figure: FigureBase) -> np.ndarray:
    """How far each tile's line is above its zero line, in pixels: (filters, taps)."""
    lines = [each for each in widest(figure).collections if isinstance(each, LineCollection)]
    zero = min(lines, key=lambda each: each.get_zorder())
    pairs = zip(zero.get_segments(), front(figure).get_segments(), strict=True)
    return np.stack([middle[0, 1] - line[:, 1] for middle, line in pairs])


@pytest.mark.parametrize("kind", KINDS)
def test_a_plot_draws_on_the_figure_given_and_returns_it(kind: str) -> None:
    bank, before = noise(8, 1, 31), noise(8, 1, 31, 1)
    own = draw(kind, bank, before)
    assert isinstance(own, Figure)
    assert (own.get_size_inches() * own.dpi).tolist() == [900, 430]
    assert own._repr_png_().startswith(b"\x89PNG\r\n\x1a\n")
    assert Image.open(io.BytesIO(own._repr_png_())).size == (900, 430)
    assert 0 < len(own.axes) <= 4
    given = Figure(figsize=(9, 4.3), dpi=100)
    assert draw(kind, bank, before, given) is given
    assert given.axes
    left, right = Figure(figsize=(14, 5)).subfigures(1, 2)
    assert draw(kind, bank, before, right) is right
    assert right.axes
    assert not left.axes


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("form", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_four_plots_compose_in_a_figure_of_the_users(form: str, magic: bytes) -> None:
    bank, before = noise(8, 2, 31), noise(8, 2, 31, 1)
    figure = Figure(figsize=(14, 9), layout="constrained")
    parts: list[SubFigure] = list(figure.subfigures(2, 2).ravel())
    for kind, part in zip(KINDS[1:], parts, strict=True):
        draw(kind, bank, before, part)
    stream = io.BytesIO()
    figure.savefig(stream, format=form)
    assert stream.getvalue().startswith(magic)
    for part in parts:
        for axes in part.axes:
            box, room = axes.bbox, part.bbox
            assert room.x0 - 1 <= box.x0 < box.x1 <= room.x1 + 1
            assert room.y0 - 1 <= box.y0 < box.y1 <= room.y1 + 1


def test_pyplot_and_its_settings_are_left_alone() -> None:
    program = """
import sys, matplotlib, numpy as np
settings = lambda: {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
before = settings()
from filterscope import FilterBank, FilterHistory, plot_drift, plot_evolution, plot_filter, plot_response, plot_taps
bank = FilterBank("conv", np.arange(36.0).reshape(2, 2, 9) - 9)
history = FilterHistory([bank, bank])
drawn = plot_filter(bank, 1), plot_taps(bank), plot_response(bank), plot_evolution(history), plot_drift(history)
for figure in drawn:
    assert figure._repr_png_()
assert settings() == before
assert "matplotlib.pyplot" not in sys.modules
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_fifty_figures_are_collected() -> None:
    bank, before = noise(2, 1, 9), noise(2, 1, 9, 1)
    figures = [weakref.ref(draw(KINDS[number % 5], bank, before)) for number in range(50)]
    gc.collect()
    assert [figure for figure in figures if figure() is not None] == []


CHANNELS = (1, 6, 64)
SIZES = [(f, CHANNELS[(i + j) % 3], k) for i, f in enumerate((1, 8, 64, 512)) for j, k in enumerate((1, 3, 31, 251))]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("filters", "channels", "taps"), SIZES)
def test_banks_of_all_sizes_draw_without_a_warning(filters: int, channels: int, taps: int) -> None:
    bank, before = noise(filters, channels, taps), noise(filters, channels, taps, 1)
    for kind in KINDS:
        figure = draw(kind, bank, before)
        image = pixels(figure)
        assert (image < 200).any(axis=2).sum() > 500, kind
        assert len(figure.axes) <= 4, kind


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
        assert_readable(plot_taps(bank, scale=each))  # type: ignore[arg-type]


def assert_readable(figure: Figure) -> None:
    figure.canvas.draw()
    room, boxes = figure.bbox, [(text.get_text(), text.get_window_extent()) for text in drawn_texts(figure)]
    assert len(boxes) > 2
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


@pytest.mark.parametrize("channels", [1, 3])
def test_dead_and_broken_filters_are_marked(channels: int) -> None:
    before, bank = noise(6, channels, 31), noise(6, channels, 31, 1, epoch=7)
    healthy = pixels(plot_taps(bank, reference=before))
    assert not near(healthy, AMBER).any()
    bank.weights[1] = 0
    bank.weights[4, 0, 5] = np.nan
    figure = plot_taps(bank, reference=before)
    image = pixels(figure)
    assert [text.get_text() for text in figure.findobj(Text)].count("dead") == 1
    assert [text.get_text() for text in figure.findobj(Text)].count("NaN") == 1
    assert "1 dead · 1 with NaN or Inf · epoch 7" in words(figure)
    assert near(image, AMBER).sum() > 300
    assert near(image, DEAD).sum() > 5000
    history = FilterHistory([replace(before, epoch=0), bank])
    for figure in (plot_evolution(history), plot_drift(history), plot_response(bank, reference=before)):
        assert "1 dead · 1 with NaN or Inf" in words(figure)
    # Neither filter has a rotation: a row of six each, in the second half, which is the second snapshot's.
    drift = plot_drift(history)
    for colour in (AMBER, DEAD):
        share = near(pixels(drift), colour).sum() / np.prod(widest(drift).bbox.size)
        assert share == pytest.approx(1 / 6 / 2, rel=0.05)


def test_lines_take_the_colour_of_their_rotation() -> None:
    before, bank = noise(3, 1, 31), noise(3, 1, 31)
    bank.weights[0] *= 3  # longer, not turned
    bank.weights[1] *= -1
    bank.weights[2, 0, :16] *= -0.2
    colours = np.asarray(front(plot_taps(bank, reference=before)).get_colors())
    np.testing.assert_allclose(colours[0], to_rgba(GREY), atol=0.01)
    np.testing.assert_allclose(colours[1], to_rgba(RED), atol=0.01)
    assert np.abs(colours[2] - colours[0]).max() > 0.1
    assert "≥ 0.5" in words(plot_taps(bank, reference=before))
    plain = np.asarray(front(plot_taps(bank)).get_colors())
    np.testing.assert_allclose(plain, np.tile(to_rgba("#2f6db3"), (len(plain), 1)), atol=0.01)


def test_tiles_share_a_scale_or_print_their_norms() -> None:
    weights = np.zeros((2, 1, 10))
    weights[0, 0, :2], weights[1, 0, 5:7] = (3, -4), (0.6, 0.8)
    bank = FilterBank("conv", weights)
    shared, own = plot_taps(bank), plot_taps(bank, scale="filter")
    np.testing.assert_allclose(heights(shared)[1, 5:7] / heights(shared)[0, 0], [0.2, 0.8 / 3], rtol=1e-5)
    np.testing.assert_allclose(heights(own)[1, 6], -heights(own)[0, 1], rtol=1e-5)
    assert {"5", "1"} <= set(words(own).splitlines())  # norms: 3-4-5, and 0.6-0.8-1
    assert "5" not in words(shared).splitlines()


TWO = np.array([[[1, -2, 0, 2, 3, 0, 0, 0, 1.0], [-1, 1, 0, 2, -4, 0, 0, 0, 0.0]]], np.float32)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ("sum", [0, -1, 0, 4, -1, 0, 0, 0, 1]),
        ("mean", [0, -0.5, 0, 2, -0.5, 0, 0, 0, 0.5]),
        ("max", [1, 1, 0, 2, 3, 0, 0, 0, 1]),
        ("l2", [2**0.5, 5**0.5, 0, 8**0.5, 5, 0, 0, 0, 1]),
    ],
)
def test_channels_are_reduced_as_asked(channels: str, expected: list[float]) -> None:
    figure = plot_taps(FilterBank("conv", TWO), channels=channels)
    got = heights(figure)[0]
    np.testing.assert_allclose(got / np.abs(got).max(), np.array(expected) / np.abs(expected).max(), atol=1e-5)
    assert f"{channels} of channels" in words(figure)
    assert f"weight ±{np.abs(expected).max():g}" in words(figure)


def test_principal_is_the_common_shape_and_auto_takes_it_above_eight_channels() -> None:
    shape = np.sin(np.arange(15) / 2).astype(np.float32)
    weights = (np.linspace(0.1, 1, 9)[:, None] * shape)[None]
    bank = FilterBank("conv", weights)
    for figure in (plot_taps(bank, channels="principal"), plot_taps(bank)):
        got = heights(figure)[0]
        np.testing.assert_allclose(got / got[3], shape / shape[3], atol=1e-4)
        assert "principal of channels" in words(figure)
    few = plot_taps(FilterBank("conv", weights[:, :8]))
    assert "channels 0 to 7 ↓" in words(few)
    assert widest(few).images


def test_what_cannot_work_is_refused_with_what_can() -> None:
    bank = noise(4, 2, 9)
    history = FilterHistory([bank])
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: plot_taps(bank, channels="median"), "median.*principal"),
        (lambda: plot_evolution(history, channels="median"), "median.*principal"),
        (lambda: plot_taps(bank, scale="log"), "log.*'layer' or 'filter'"),  # type: ignore[arg-type]
        (lambda: plot_evolution(history, show="all"), "all.*'difference' or 'weights'"),  # type: ignore[arg-type]
        (lambda: plot_taps(bank, reference=noise(4, 2, 7)), r"\(4, 2, 7\).*\(4, 2, 9\)"),
        (lambda: plot_response(bank, reference=noise(3, 2, 9)), r"\(3, 2, 9\).*\(4, 2, 9\)"),
        (lambda: plot_response(bank, sample_rate=-1.0), "positive"),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()
    for index in (4, -1):
        with pytest.raises(IndexError, match=rf"no filter {index}.*0 to 3"):
            plot_filter(bank, index)
    for channel in (2, -1):
        with pytest.raises(IndexError, match=rf"no channel {channel}.*0 to 1"):
            plot_filter(bank, 0, channel=channel)
    with pytest.raises(ValueError, match="reference"):
        plot_filter(bank, 0, reference=noise(4, 2, 7))


def test_a_filter_is_drawn_tap_by_tap() -> None:
    bank, before = noise(4, 2, 12), noise(4, 2, 12, 1)
    lines = plot_filter(bank, 2).axes[0].lines
    for channel in (0, 1):
        assert any(np.array_equal(line.get_ydata(), bank.weights[2, channel]) for line in lines)
    one = plot_filter(bank, 3, channel=1, reference=before)
    drawn = [line.get_ydata() for line in one.axes[0].lines]
    assert any(np.array_equal(each, before.weights[3, 1]) for each in drawn)
    assert not any(np.array_equal(each, bank.weights[3, 0]) for each in drawn)
    a, b = bank.weights[3, 1].astype(float), before.weights[3, 1].astype(float)
    assert f"rotation {1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b):.3f}" in words(one)
    kept = replace(bank, indices=np.array([3, 8, 9, 20]), total_filters=30)
    assert np.array_equal(plot_filter(kept, 9).axes[0].lines[1].get_ydata(), bank.weights[2, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_dollar_signs_are_no_mathematics(kind: str) -> None:
    name = r"enc$_1$.$\frac{x$"  # matplotlib would refuse to draw this as mathematics
    bank, before = noise(3, 1, 9, layer=name), noise(3, 1, 9, 1, layer=name)
    figure = draw(kind, bank, before)
    pixels(figure)
    title = next(text for text in figure.findobj(Text) if name in text.get_text())
    assert title.get_parse_math() is False


@pytest.mark.filterwarnings("error")
def test_complex_filters_are_drawn() -> None:
    now, before = (replace(b, weights=b.weights + 1j * b.weights[::-1]) for b in (noise(5, 1, 9), noise(5, 1, 9, 1)))
    for kind in KINDS:
        figure = draw(kind, now, before)
        assert (pixels(figure) < 200).any(axis=2).sum() > 500
        if kind != "filter":
            assert "complex channel" in words(figure)
    assert widest(plot_response(now)).get_xlim() == pytest.approx((-0.5, 0.5), abs=2e-3)


def test_evolution_shows_the_difference_tap_by_tap_and_epoch_by_epoch() -> None:
    start = noise(1, 1, 10, epoch=0)
    banks = [start]
    for epoch in (1, 2, 3):
        weights = start.weights.copy()
        weights[0, 0, 7] += 0.5 * (epoch >= 1)
        weights[0, 0, 2] -= 0.5 * (epoch >= 3)
        banks.append(replace(start, weights=weights, epoch=epoch))
    figure = plot_evolution(FilterHistory(banks))
    axes = widest(figure)
    image = pixels(figure).astype(int)
    x0, x1 = axes.bbox.x0, axes.bbox.x1
    y0, y1 = 430 - axes.bbox.y1, 430 - axes.bbox.y0
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


def test_drift_shows_the_last_of_two_snapshots_of_one_epoch() -> None:
    start = noise(2, 1, 20, epoch=0)
    flipped = replace(start, weights=start.weights * np.float32([[[1]], [[-1]]]), epoch=2)
    history = FilterHistory([start, replace(start, epoch=1), replace(start, epoch=2), flipped])
    figure = plot_drift(history)
    image = pixels(figure)
    axes = widest(figure)
    assert axes.get_xlim() == (-0.5, 2.5)
    for (epoch, row), colour in {(0, 1): GREY, (1, 1): GREY, (2, 1): RED, (2, 0): GREY, (0, 0): GREY}.items():
        x, y = axes.transData.transform((epoch, row))
        wanted = tuple(round(255 * part) for part in to_rgba(colour)[:3])
        assert near(image[430 - int(y), int(x)], wanted, 4), (epoch, row)


def test_drift_of_a_layer_of_many_filters_fills_its_axes_with_those_that_it_shows() -> None:
    start = noise(40, 1, 20, epoch=0)
    now = replace(start, weights=start.weights * np.float32([-1 if i == 3 else 1 for i in range(40)])[:, None, None])
    picture = DriftPicture(start.head(4), start.head(4))
    rotation = np.stack([np.zeros(4), [0, 0, 0, 2]])
    picture.update(replace(now, epoch=1), rotation, np.array([0, 1]))
    image, axes = Raster(picture.sheet).pixels(), widest(picture.sheet.figure)
    for row, colour in enumerate([GREY, GREY, GREY, RED]):
        x, y = axes.transData.transform((1, row))
        wanted = tuple(round(255 * part) for part in to_rgba(colour)[:3])
        assert near(image[430 - int(y), int(x), :3], wanted, 4), row


def test_response_peaks_where_the_filter_resonates() -> None:
    taps = np.arange(64)
    tones = np.stack([np.cos(2 * np.pi * hertz / 100 * taps) * np.hanning(64) for hertz in (30, 12)])[:, None]
    bank = FilterBank("conv", tones, stride=4, sample_rate=100.0)
    figure = plot_response(bank)
    axes = figure.axes[0]
    curves = {line.get_label(): line for line in axes.lines if line.get_label().startswith("filter")}
    for label, hertz in (("filter 0", 30), ("filter 1", 12)):
        x, y = curves[label].get_data()
        assert x[np.argmax(y)] == pytest.approx(hertz, abs=0.5)
        assert (max(y), min(y)) == (pytest.approx(0, abs=1e-5), -40)
    assert axes.get_xlim() == pytest.approx((0, 50))
    assert "frequency (Hz)" in words(figure)
    assert "dashed: stride alias" in words(figure)
    assert any(list(line.get_xdata()) == [12.5, 12.5] for line in axes.lines)  # fs / (2 s)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_response_does_not_depend_on_the_size_of_weights(scale: float) -> None:
    bank = noise(6, 2, 15)
    image, same = (pixels(plot_response(replace(bank, weights=bank.weights * np.float32(s)))) for s in (1, scale))
    assert (np.abs(image.astype(int) - same).max(axis=2) > 8).mean() < 0.001


PICTURES: dict[str, Callable[[FilterBank], Any]] = {
    "taps": lambda first: TapsPicture(first, first, "auto", "layer", None),
    "response": lambda first: ResponsePicture(first, first),
    "evolution": lambda first: EvolutionPicture(first, first),
    "drift": lambda first: DriftPicture(first, first),
}


def redraw(kind: str, picture: Any, banks: list[FilterBank]) -> None:
    epochs = np.array([bank.epoch for bank in banks])
    if kind == "evolution":
        rows = np.stack([tap_rows(bank.weights, banks[0].weights) for bank in banks], axis=1)
        picture.update(banks[-1], rows, epochs)
    elif kind == "drift":
        picture.update(banks[-1], FilterHistory(banks).rotation(), epochs)
    else:
        picture.update(banks[-1])


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize(("filters", "channels", "taps"), [(8, 1, 31), (6, 1, 5), (3, 4, 9), (100, 1, 9), (9, 5, 1)])
def test_a_raster_brought_up_to_date_equals_a_fresh_figure(kind: str, filters: int, channels: int, taps: int) -> None:
    banks = [noise(filters, channels, taps, seed, epoch=4**seed - 1) for seed in range(3)]
    banks[1].weights[0] *= 30  # another scale in between
    banks[2].weights[1], banks[2].weights[2, 0, 0] = 0, np.nan
    cached, fresh = PICTURES[kind](banks[0]), PICTURES[kind](banks[0])
    raster = Raster(cached.sheet)
    for last in (1, 2, 3):
        redraw(kind, cached, banks[:last])
        got = raster.pixels()[:, :, :3].astype(int)
    redraw(kind, fresh, banks)
    wanted = pixels(fresh.sheet.figure)
    assert got.shape == wanted.shape == (430, 900, 3)
    assert (np.abs(got - wanted).max(axis=2) > 8).sum() <= 40


def test_curves_of_a_raster_stay_below_the_legend() -> None:
    low_pass = FilterBank("conv", np.stack([np.hanning(9 + 2 * i)[:9] for i in range(3)])[:, None])
    picture = ResponsePicture(low_pass, low_pass)
    got = Raster(picture.sheet).pixels()[:, :, :3].astype(int)
    assert (np.abs(got - pixels(picture.sheet.figure)).max(axis=2) > 8).sum() <= 40


def test_the_dead_are_told_by_the_whole_layer_not_by_what_is_drawn() -> None:
    bank = noise(64, 1, 31)
    bank.weights[:8] *= 1e-4
    words_of = [text.get_text() for text in plot_taps(bank, max_filters=8).findobj(Text)]
    assert words_of.count("dead") == 8


@pytest.mark.parametrize("draw", [plot_taps, plot_response])
def test_what_is_no_bank_and_a_reference_of_other_filters_are_refused(draw: Callable[..., Any]) -> None:
    bank = noise(4, 1, 31)
    with pytest.raises(TypeError, match="expected a FilterBank, got dict; read_filters gives a dict"):
        draw({"conv1": bank})
    with pytest.raises(ValueError, match="the reference holds filters"):
        draw(bank, reference=replace(bank, indices=np.array([10, 20, 30, 40])))
    with pytest.raises(TypeError, match="expected a FigureBase, got Axes"):
        draw(bank, figure=Figure().subplots())


def test_the_last_snapshot_of_a_sparse_history_is_as_wide_as_the_others() -> None:
    start = noise(3, 1, 9, epoch=0)
    history = FilterHistory([start, *[replace(start, weights=-start.weights, epoch=epoch) for epoch in (20, 40, 60)]])
    image, axes = pixels(plot_drift(history)), widest(plot_drift(history))
    red = near(image, tuple(round(255 * part) for part in to_rgba(RED)[:3]), 4)
    assert red.sum() / np.prod(axes.bbox.size) == pytest.approx(3 / 4, rel=0.02)
