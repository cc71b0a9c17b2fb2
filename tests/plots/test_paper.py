"""Pictures on a figure of the user's own, as for paper: in type of the size that matplotlib is set to, nothing lost."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from filterscope import (
    FilterBank,
    FilterHistory,
    plot_drift,
    plot_evolution,
    plot_filter,
    plot_overview,
    plot_response,
    plot_spectrum,
    plot_taps,
)
from filterscope.plots.drawing.colours import GREY, INK
from filterscope.plots.drawing.mosaic import PixelImage
from filterscope.plots.drawing.tiles import LogoTiles
from filterscope.plots.taps import TapsPicture
from tests.plots.test_plots_words import assert_readable
from tests.support.figures import KINDS, draw, near, noise, pixels, widest, words

SIZES = [(3.3, 2.2), (6.8, 3.0)]


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with mpl.rc_context({"font.size": 7}):
        yield


def sheet_of(size: tuple[float, float], dpi: float = 300, **options: Any) -> Any:
    figure = Figure(figsize=size, dpi=dpi, **options)
    FigureCanvasAgg(figure)
    return figure


def pair(filters: int, channels: int, taps: int, **facts: Any) -> tuple[FilterBank, FilterBank]:
    now, before = (noise(filters, channels, taps, seed, epoch=12 * seed, **facts) for seed in (1, 0))
    return now, before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("shape", "facts"),
    [
        ((16, 1, 31), {"sample_rate": 16000.0, "stride": 2}),
        ((2, 6, 31), {"channel_names": ("Fz", "Cz", "Pz", "Oz", "C3", "C4")}),
        ((64, 8, 5), {}),
        ((16, 4, 15), {"channel_names": tuple("ACGT")}),
        ((8, 64, 9), {}),
        ((12, 6, 1), {"channel_names": ("Fz", "Cz", "Pz", "Oz", "C3", "C4")}),
    ],
)
def test_words_can_be_read_at_the_width_of_a_column(
    kind: str, shape: tuple[int, int, int], facts: dict[str, Any], size: tuple[float, float]
) -> None:
    figure = sheet_of(size)
    draw(kind, *pair(*shape, **facts), figure)
    assert_readable(figure)
    for image in figure.findobj(PixelImage):
        box = image.get_window_extent()
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layers", [1, 3, 12])
def test_an_overview_can_be_read_at_the_width_of_a_column(layers: int, size: tuple[float, float]) -> None:
    figure = sheet_of(size)
    banks = pair(4, 1, 9)[::-1]
    histories = [FilterHistory([bank.with_fields(layer=f"blocks.{i}.conv") for bank in banks]) for i in range(layers)]
    plot_overview(histories, figure=figure)
    assert_readable(figure)
    assert all(image.get_window_extent().height > 20 for image in figure.findobj(PixelImage))


@pytest.mark.parametrize("kind", KINDS)
def test_all_type_and_lines_follow_the_size_of_type(kind: str) -> None:
    now, before = pair(8, 2, 31)
    sizes, widths = {}, {}
    for points in (7, 14):
        with mpl.rc_context({"font.size": points}):
            figure = sheet_of((points, 0.6 * points), dpi=100)  # of one size in type
            draw(kind, now, before, figure)
        sizes[points] = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
        widths[points] = [float(np.max(each.get_linewidth())) for each in figure.findobj(LineCollection)]
    assert 7 in np.round(sizes[7], 6)
    np.testing.assert_allclose(np.divide(sizes[14], sizes[7]), 2, rtol=1e-3)
    np.testing.assert_allclose(widths[14], np.multiply(widths[7], 2), rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_does_not_depend_on_the_resolution(kind: str) -> None:
    now, before = pair(8, 2, 31)
    places = []
    for dpi in (100, 300):
        figure = sheet_of((5, 2.5), dpi)
        draw(kind, now, before, figure)
        texts = [text for text in figure.findobj(Text) if text.get_text()]
        places.append({text.get_text(): text.get_window_extent().x0 / figure.bbox.width for text in texts})
    assert list(places[0]) == list(places[1])
    np.testing.assert_allclose(list(places[0].values()), list(places[1].values()), atol=0.01)


def test_our_own_canvas_is_the_same_whatever_the_size_of_type() -> None:
    bank = noise(8, 1, 31)
    with mpl.rc_context({"font.size": 20}):
        large = pixels(plot_taps(bank))
    assert np.array_equal(large, pixels(plot_taps(bank)))


@pytest.mark.parametrize("form", ["png", "pdf"])
@pytest.mark.parametrize("kind", [*KINDS, "overview"])
def test_title_and_bar_of_colours_are_left_out_and_leave_their_room(kind: str, form: str) -> None:
    now, before = pair(12, 12, 31)
    history = FilterHistory([before, now])
    whole, bare = (sheet_of((3.3, 2.2)) for _ in range(2))
    for figure, given in ((whole, {}), (bare, {"title": False, "colorbar": False})):
        options: dict[str, Any] = {"figure": figure, **given}
        if kind in ("filter", "taps", "response"):
            options["reference"] = before
        {
            "filter": lambda options: plot_filter(now, 0, **options),
            "taps": lambda options: plot_taps(now, **options),
            "response": lambda options: plot_response(now, **options),
            "spectrum": lambda options: plot_spectrum(history, **options),
            "evolution": lambda options: plot_evolution(history, **options),
            "overview": lambda options: plot_overview([history], **options),
            "drift": lambda options: plot_drift(history, **options),
        }[kind](options)
        figure.savefig(io.BytesIO(), format=form)
    title = " · overview" if kind == "overview" else "conv1 · "
    assert title in words(whole)
    assert title not in words(bare)
    captions = {"weight", "rotation", "dB", "difference"} - ({"weight"} if kind == "taps" else set())
    if kind in ("spectrum", "overview"):  # which say the same elsewhere
        lost = {"spectrum": {"gain", "conv1 · spectrum"}, "overview": {"0.5", "1 layer · overview"}}[kind]
        counts = [[words(figure).splitlines().count(word) for word in lost] for figure in (whole, bare)]
        assert np.subtract(counts[0], counts[1]).tolist() == [1, 1]
    else:
        assert captions & set(words(whole).splitlines())
        assert not captions & set(words(bare).splitlines())
    assert_readable(bare, least=2)
    areas = [
        sum(image.get_window_extent().width * image.get_window_extent().height for image in figure.findobj(PixelImage))
        for figure in (whole, bare)
    ]
    if areas[1]:  # of what is no line
        assert areas[1] > areas[0] * 1.1


def test_a_reference_is_drawn_however_narrow_the_figure() -> None:
    now, before = pair(16, 1, 31)
    for width, is_stacked in ((1.9, True), (4.0, False)):
        figure = sheet_of((width, 3.5))
        plot_response(now, reference=before, figure=figure)
        maps = [image.get_window_extent() for image in figure.findobj(PixelImage) if image.axes is not None]
        assert len(maps) == 2
        assert (maps[0].y0 > maps[1].y1) == is_stacked
        assert {"initial", "epoch 12"} <= set(words(figure).splitlines())
        assert_readable(figure)


def test_a_narrow_foot_has_two_lines() -> None:
    now, before = pair(16, 64, 9)
    feet = {}
    for width in (9.0, 3.3):
        figure = sheet_of((width, 2.2))
        plot_taps(now, reference=before, figure=figure)
        lines = words(figure).splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("taps 0 to 8"))
        feet[width] = lines[start : start + 2]
    assert " · ".join(feet[3.3]) == feet[9.0][0]


@pytest.mark.parametrize("kind", KINDS)
def test_type_can_be_read_on_a_dark_ground(kind: str) -> None:
    now, before = pair(3, 2, 31)
    for part in (False, True):
        with mpl.rc_context({"text.color": "#ffeecc"}):
            figure = sheet_of((6.8, 3), facecolor="black")
            draw(kind, now, before, figure.subfigures() if part else figure)
        found = {to_rgb(text.get_color()) for text in figure.findobj(Text) if text.get_text()}
        assert found == {to_rgb("#ffeecc")}
        assert near(pixels(figure), (0, 0, 0)).mean() > 0.1
    with mpl.rc_context({"text.color": "#ffeecc"}):  # not to be read on white
        figure = sheet_of((6.8, 3))
        draw(kind, now, before, figure)
    assert {text.get_color() for text in figure.findobj(Text) if text.get_text()} <= {INK, GREY}


@pytest.mark.parametrize("kind", ["response", "spectrum"])
def test_on_a_dark_ground_curves_outshine_the_lines_behind_them(kind: str) -> None:
    figure = sheet_of((6.8, 3.0), 100, facecolor="black")
    draw(kind, *pair(3, 1, 31), figure)
    behind = [each for each in figure.findobj(LineCollection) if each.get_zorder() == -1]
    assert behind
    for lines in behind:
        *light, alpha = lines.get_edgecolor()[0]
        assert 0.1 < alpha * max(light) < 0.3


@pytest.mark.parametrize("ground", ["black", "white"])
@pytest.mark.parametrize("kind", ["response", "spectrum"])
def test_what_is_called_dashed_is_dashed_on_any_ground(kind: str, ground: str) -> None:
    figure = sheet_of((6.8, 3.0), 100, facecolor=ground)
    draw(kind, *pair(3, 1, 31, stride=2), figure)
    box = widest(figure).get_window_extent()
    shown = pixels(figure)[300 - int(box.y1) : 300 - int(box.y0), round(np.mean(box.intervalx))]
    is_line = (shown.max(axis=1) < 90) if ground == "white" else (shown.min(axis=1) > 165)
    assert 0.3 < is_line.mean() < 0.8


def test_what_is_called_pale_is_pale_on_a_dark_ground_too() -> None:
    figure = sheet_of((6.8, 3.0), 100, facecolor="black")
    draw("response", *pair(3, 1, 31), figure)
    [name] = [text for text in figure.findobj(Text) if text.get_text().startswith("pale: ")]
    y = 300 - round(np.mean(name.get_window_extent().intervaly))
    sample = pixels(figure)[y - 2 : y + 2, int(name.get_window_extent().x0) - 14]
    assert 60 < sample.max() < 120


def test_a_light_mark_is_not_called_dark() -> None:
    bank = noise(8, 1, 31)
    bank.weights[3, 0, 7] = 9
    for ground, word in (("white", "dark"), ("black", "light")):
        figure = plot_taps(bank, figure=sheet_of((6.8, 3), facecolor=ground))
        assert f"1 clipped: {word} edge" in words(figure)


def test_a_norm_that_has_no_room_is_not_promised() -> None:
    for size, said in (((6.8, 3), True), ((3.3, 1.5), False)):
        figure = plot_taps(noise(64, 1, 31), scale="filter", figure=sheet_of(size))
        assert "each tile to its own scale" in words(figure)
        assert ("norm above" in words(figure)) == said


def test_numbers_of_low_rows_do_not_touch() -> None:
    bank = noise(64, 4, 19).with_fields(channel_names=tuple("ACGT"))
    figure = sheet_of((3.3, 2.2))
    tiles = TapsPicture(bank, channels="logo", figure=figure)._tiles
    assert isinstance(tiles, LogoTiles)
    assert tiles.grid.cell[1] < 7 * 300 / 72  # lower than a number
    column = pixels(figure)[:, int(tiles.area.left) : int(tiles.corners[0, 0]) - 2].min(axis=(1, 2)) < 200
    column = column[int(tiles.area.top) - 10 : int(tiles.area.top + tiles.area.height)]
    begin, end = (np.flatnonzero(np.diff(column.astype(int)) == step) for step in (1, -1))
    assert len(begin) == len(end) > 8
    assert max(end - begin) < 1.3 * min(end - begin)


@pytest.mark.parametrize("taps", [5, 31])
def test_several_channels_lie_below_one_another_on_one_scale(taps: int) -> None:
    names = tuple(f"EEG {number}" for number in range(8))
    bank, before = noise(3, 8, taps, channel_names=names), noise(3, 8, taps, 1)
    figure = plot_filter(bank, 1, reference=before)
    lines = [
        each for each in widest(figure).collections if isinstance(each, LineCollection) and each.get_label() in names
    ]
    assert [line.get_label() for line in lines] == list(names)
    drawn = []
    for number, line in enumerate(lines):  # a curve, or a stem for each tap
        points = np.concatenate(line.get_segments()).reshape(taps, -1, 2)
        np.testing.assert_array_equal(points[:, -1, 1], bank.weights[1, number])
        drawn.append(line.get_transform().transform(points.reshape(-1, 2)).reshape(points.shape)[..., 1])
    for upper, lower in pairwise(drawn):
        assert np.all(upper.min(axis=1) > lower.max(axis=1))
    low, high = np.minimum(bank.weights[1].min(axis=1), 0), np.maximum(bank.weights[1].max(axis=1), 0)
    reach = high - low if taps == 5 else np.ptp(bank.weights[1], axis=1)
    ratio = [np.ptp(each) for each in drawn] / reach
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)
    assert_readable(figure)


@pytest.mark.parametrize("size", [*SIZES, (9.0, 4.3)])
def test_long_names_of_channels_lose_their_middle(size: tuple[float, float]) -> None:
    names = tuple(f"a very long name of a channel, too long to fit beside it, number {number}" for number in range(12))
    for channels, taps in ((4, 31), (8, 3), (12, 31), (12, 1)):
        bank = noise(6, channels, taps, channel_names=names[:channels])
        for draw_it in (lambda bank, figure: plot_filter(bank, 0, figure=figure), plot_taps):
            figure = sheet_of(size)
            draw_it(bank, figure=figure)
            assert_readable(figure)
            assert "a v" in words(figure) or (draw_it is plot_taps and (channels, taps) == (12, 31))  # reduced to one
