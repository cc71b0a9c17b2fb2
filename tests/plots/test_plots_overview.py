"""What the overview shows: which layer changed, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, to_rgb
from matplotlib.figure import Figure, FigureBase

from filterscope import FilterHistory, plot_overview
from filterscope.plots.drawing.colours import NONFINITE_FACE, ROTATION_CMAP, rotation_share
from filterscope.plots.drawing.mosaic import PixelImage
from filterscope.plots.overview import CHANGE_CMAP
from tests.plots.test_plots_words import LONG, assert_readable
from tests.support.figures import near, noise, pixels, words


def course(layer: str, sizes: list[float], first: int = 0, **facts: Any) -> FilterHistory:
    """A layer whose snapshots follow one another with steps of these relative sizes, from an epoch on."""
    weights = noise(6, 1, 15, layer=layer).weights
    banks = [weights]
    for number, size in enumerate(sizes):
        step = noise(6, 1, 15, number + 1).weights
        banks.append(banks[-1] + step * size * np.linalg.norm(banks[-1]) / np.linalg.norm(step))
    return FilterHistory(
        [replace(noise(6, 1, 15, layer=layer, **facts), weights=w, epoch=first + e) for e, w in enumerate(banks)]
    )


def maps(figure: FigureBase) -> list[np.ndarray]:
    """Pixels of change, and of rotation."""
    image = pixels(figure)
    boxes = sorted((each.get_window_extent() for each in figure.findobj(PixelImage)), key=lambda box: -box.width)[:2]
    boxes.sort(key=lambda box: (round(box.x0), -box.y0))
    return [image[430 - round(b.y1) : 430 - round(b.y0), round(b.x0) : round(b.x1)] for b in boxes]


def cell(shown: np.ndarray, row: int, rows: int, column: int, columns: int) -> np.ndarray:
    return shown[int((row + 0.5) / rows * len(shown)), int((column + 0.5) / columns * shown.shape[1])]


def colour(cmap: Colormap, share: float) -> tuple[int, ...]:
    return tuple(round(255 * float(part)) for part in cmap(share)[:3])


def test_layers_are_rows_and_each_snapshot_has_the_colours_of_its_change_and_rotation() -> None:
    histories = [course("stem", [0.5, 0.05, 0.05]), course("head", [0.05, 0.05, 0.5])]
    figure = plot_overview({history.layer: history for history in histories})
    change, rotation = maps(figure)
    for row, history in enumerate(histories):
        assert near(cell(change, row, 2, 0, 4), (255, 255, 255)), row  # nothing came before
        for epoch, size in enumerate(history.change()[1:], 1):
            share = (np.log10(size) + 2) / 2  # from 0.01 to 1
            assert near(cell(change, row, 2, epoch, 4), colour(CHANGE_CMAP, share), 6), (row, epoch)
            now, then = history.weights[epoch].ravel(), history.weights[0].ravel()
            turned = 1 - now @ then / (np.linalg.norm(now) * np.linalg.norm(then))
            assert near(cell(rotation, row, 2, epoch, 4), colour(ROTATION_CMAP, float(rotation_share(turned))), 6)
    assert {"stem", "head", "2 layers · overview", "epoch 3", "0.01", "0.1", "1"} <= set(words(figure).splitlines())


def test_the_change_of_a_recorded_run_is_the_one_that_was_logged() -> None:
    banks = list(course("stem", [0.5, 0.5]))
    quiet = FilterHistory(banks, changes=[np.nan, 0.01, 0.1])
    change, _ = maps(plot_overview([quiet]))
    assert near(cell(change, 0, 1, 1, 3), colour(CHANGE_CMAP, 0.5), 6)
    assert near(cell(change, 0, 1, 2, 3), colour(CHANGE_CMAP, 1.0), 6)


def test_a_layer_is_blank_before_it_came_and_after_it_went_and_amber_where_it_is_not_finite() -> None:
    whole, late, gone = course("a", [0.1] * 5), course("b", [0.1] * 2, 3), course("c", [0.1] * 2)
    broken = [replace(bank, layer="d", weights=bank.weights * np.nan if i == 4 else bank.weights) for i, bank in
              enumerate(whole)]  # fmt: skip
    change, rotation = maps(plot_overview([whole, late, gone, FilterHistory(broken)]))
    amber = tuple(round(255 * part) for part in to_rgb(NONFINITE_FACE))
    for epoch in range(6):
        for row, (first, last) in enumerate(((0, 5), (3, 5), (0, 2))):
            blank = near(cell(rotation, row, 4, epoch, 6), (255, 255, 255))
            assert blank == (not first <= epoch <= last), (row, epoch)
            blank = near(cell(change, row, 4, epoch, 6), (255, 255, 255))
            assert blank == (not first < epoch <= last), (row, epoch)
        assert near(cell(rotation, 3, 4, epoch, 6), amber) == (epoch == 4)


def test_a_frozen_layer_has_the_lowest_colour_and_hides_nothing_of_the_others() -> None:
    frozen = course("frozen", [0.0, 0.0])
    change, _ = maps(plot_overview([frozen, course("free", [0.09, 0.02])]))
    assert near(cell(change, 0, 2, 1, 3), colour(CHANGE_CMAP, 0))
    assert near(cell(change, 1, 2, 1, 3), colour(CHANGE_CMAP, 0.98), 8)
    figure = plot_overview([frozen])
    assert near(cell(maps(figure)[0], 0, 1, 1, 3), colour(CHANGE_CMAP, 0))


def test_changes_of_many_sizes_have_four_decades_and_one_outlier_does_not_flatten_them() -> None:
    sizes = [0.5, *np.geomspace(0.5, 1e-4, 120), 1e3, *[1e-4] * 100]
    banks = list(course("stem", [0.1] * 222))
    figure = plot_overview([FilterHistory(banks, changes=[np.nan, *sizes])])
    assert {"1e−4", "0.01", "1"} <= set(words(figure).splitlines())


@pytest.mark.parametrize("width", [300, 450, 900])
@pytest.mark.parametrize("layers", [1, 2, 20, 60, 300])
@pytest.mark.parametrize("name", ["q", f"q.{LONG}"])
def test_names_can_be_read_and_those_left_out_are_told(name: str, layers: int, width: int) -> None:
    short = course(name, [0.1])
    names = [f"{name}{i}" for i in range(layers)]
    histories = [FilterHistory([replace(bank, layer=each) for bank in short]) for each in names]
    figure = Figure(figsize=(width / 100, 4.3), dpi=100)
    FigureCanvasAgg(figure)
    assert_readable(plot_overview(histories, figure=figure))
    lines = words(figure).splitlines()
    named = {line for line in lines if line.startswith("q")}
    assert any(line.endswith("0") for line in named)
    assert all(line in names or "…" in line for line in named)
    told = [line for line in lines if " layer named" in line]
    assert bool(told) == (layers > 20 or (layers == 20 and len(named) < 20))


def test_time_is_told_by_steps_where_a_layer_has_snapshots_within_epochs() -> None:
    banks = [replace(bank, step=100 * i, within_epoch=i % 2 == 1) for i, bank in enumerate(course("stem", [0.1] * 4))]
    shown = words(plot_overview([FilterHistory(banks)])).splitlines()
    assert {"step", "step 400", "100"} <= set(shown)
    assert "epoch" not in shown


def test_what_is_no_history_is_told_with_what_would_work() -> None:
    history = course("stem", [0.1])
    with pytest.raises(TypeError, match=r"plot_overview\(\[history\]\)"):
        plot_overview(history)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="FilterHistory"):
        plot_overview([history[0]])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="load_history"):
        plot_overview({})
