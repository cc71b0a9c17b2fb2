"""Pictures of all kinds and sizes are drawn where they are asked for, or refused with what can work."""

from __future__ import annotations

import gc
import io
import re
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure, SubFigure
from PIL import Image

from filterscope import (
    FilterBank,
    FilterHistory,
    dead_filters,
    frequency_response,
    plot_drift,
    plot_evolution,
    plot_filter,
    plot_response,
    plot_taps,
)
from filterscope.plots.animation import write_animation
from filterscope.plots.drawing.mosaic import PixelImage
from tests.support.figures import KINDS, draw, noise, pixels
from tests.support.scripts import run_script


@pytest.mark.parametrize("kind", KINDS)
def test_a_plot_draws_on_the_figure_given_and_returns_it(kind: str) -> None:
    bank, before = noise(8, 1, 31), noise(8, 1, 31, 1)
    own = draw(kind, bank, before)
    assert isinstance(own, Figure)
    assert (own.get_size_inches() * own.dpi).tolist() == [900, 430]
    notebook: Any = own
    shown = notebook._repr_png_()
    assert shown.startswith(b"\x89PNG\r\n\x1a\n")
    assert Image.open(io.BytesIO(shown)).size == (900, 430)
    assert own.artists
    assert len(own.axes) <= 4
    given = Figure(figsize=(9, 4.3), dpi=100)
    assert draw(kind, bank, before, given) is given
    assert given.artists
    left, right = np.asarray(Figure(figsize=(14, 5)).subfigures(1, 2))
    assert draw(kind, bank, before, right) is right
    assert right.artists
    assert left.get_children() == [left.patch]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("form", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_plots_compose_in_a_figure_of_the_users(form: str, magic: bytes) -> None:
    bank, before = noise(8, 2, 31), noise(8, 2, 31, 1)
    figure = Figure(figsize=(21, 9), layout="constrained")
    parts: list[SubFigure] = list(np.asarray(figure.subfigures(2, 3)).ravel())
    for kind, part in zip(KINDS, parts, strict=True):
        draw(kind, bank, before, part)
    stream = io.BytesIO()
    figure.savefig(stream, format=form)
    assert stream.getvalue().startswith(magic)
    for part in parts:
        room = part.bbox
        for each in [*part.axes, *part.findobj(PixelImage)]:
            box = each.get_window_extent()
            assert room.x0 - 1 <= box.x0 < box.x1 <= room.x1 + 1
            assert room.y0 - 1 <= box.y0 < box.y1 <= room.y1 + 1


def test_pyplot_and_its_settings_are_left_alone() -> None:
    program = """
import sys, matplotlib, numpy as np
settings = lambda: {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
before = settings()
from filterscope import FilterBank, FilterHistory, plot_drift, plot_evolution, plot_filter
from filterscope import plot_response, plot_spectrum, plot_taps
bank = FilterBank("conv", np.arange(36.0).reshape(2, 2, 9) - 9)
history = FilterHistory([bank, bank])
drawn = plot_filter(bank, 1), plot_taps(bank), plot_response(bank), plot_evolution(history), plot_drift(history)
drawn += (plot_spectrum(history),)
for figure in drawn:
    assert figure._repr_png_()
assert settings() == before
assert "matplotlib.pyplot" not in sys.modules
assert "torch" not in sys.modules
"""
    run_script(program)


def test_fifty_figures_are_collected() -> None:
    bank, before = noise(2, 1, 9), noise(2, 1, 9, 1)
    figures = [weakref.ref(draw(KINDS[number % len(KINDS)], bank, before)) for number in range(50)]
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


OF_BANKS = (plot_taps, plot_response, partial(plot_filter, index=0), frequency_response, dead_filters)
OF_HISTORIES = (plot_evolution, plot_drift, partial(write_animation, path="conv.gif"))


@pytest.mark.parametrize("function", OF_BANKS)
def test_who_gives_something_else_than_a_bank_is_told_how_to_get_one(function: Callable[..., Any]) -> None:
    bank = noise(4, 1, 31)
    history = FilterHistory([bank, bank])
    for given, words in {
        "history": (history, "got FilterHistory; choose a moment, such as history[-1], or history.bank(epoch)"),
        "banks": ({"stem": bank}, "got dict; choose a layer of it, such as banks['stem']"),
        "histories": (
            {"stem": history},
            "got dict; choose a moment, such as histories['stem'][-1], or histories['stem'].bank(epoch)",
        ),
        "state": ({"w": bank.weights}, "got dict; read_filters(model) gives a dict of them: choose one, such as"),
        "nothing": ({}, "got dict; read_filters(model) gives a dict of them: choose one, such as"),
        "weights": (bank.weights, "got ndarray; read_filters(model) gives a dict of them: choose one, such as"),
        "class": (FilterBank, "got the class FilterBank; give an instance, not the class"),
    }.values():
        with pytest.raises(TypeError, match=re.escape(f"expected a FilterBank, {words}")):
            function(given)


@pytest.mark.parametrize("function", OF_HISTORIES)
def test_who_gives_something_else_than_a_history_is_told_how_to_get_one(function: Callable[..., Any]) -> None:
    bank = noise(4, 1, 31)
    for given, words in {
        "bank": (
            bank,
            "got FilterBank; a bank is one moment, and a history has several: FilterHistory([before, after])",
        ),
        "banks": ({"stem": bank}, "and a history has several: FilterHistory([before['stem'], after['stem']])"),
        "histories": ({"stem": FilterHistory([bank])}, "got dict; choose a layer of it, such as histories['stem']"),
        "list": (
            [bank, bank],
            "got list; make one: FilterHistory([bank, bank, ...]), or load_history(log_dir)['conv1']",
        ),
        "class": (FilterHistory, "got the class FilterHistory; give an instance, not the class"),
    }.values():
        with pytest.raises(TypeError, match=f"expected a FilterHistory, .*{re.escape(words)}"):
            function(given)


@pytest.mark.parametrize("draw", [plot_taps, plot_response, partial(plot_filter, index=0)])
def test_a_reference_that_is_no_bank_is_refused(draw: Callable[..., Any]) -> None:
    bank = noise(4, 1, 31)
    with pytest.raises(
        TypeError, match=r"expected a FilterBank, got FilterHistory; choose a moment, such as history\[-1"
    ):
        draw(bank, reference=FilterHistory([bank]))
    with pytest.raises(TypeError, match="expected a FilterBank, got ndarray"):
        FilterHistory([bank], bank.weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [plot_taps, plot_response])
def test_what_is_no_bank_and_a_reference_of_other_filters_are_refused(draw: Callable[..., Any]) -> None:
    bank = noise(4, 1, 31)
    with pytest.raises(TypeError, match="expected a FilterBank, got dict; choose a layer of it, such as banks"):
        draw({"conv1": bank})
    with pytest.raises(ValueError, match="the reference holds filters"):
        draw(bank, reference=replace(bank, indices=np.array([10, 20, 30, 40])))
    with pytest.raises(TypeError, match="expected a FigureBase, got Axes"):
        draw(bank, figure=Figure().subplots())
