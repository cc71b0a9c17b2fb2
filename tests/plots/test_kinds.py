"""The list of pictures is the only one: everything else asks it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from matplotlib.figure import Figure

from filterscope import Conv1dFilterMonitor, FilterBank, FilterHistory, plots
from filterscope.filters.spectrum import SHORTEST
from filterscope.plots.kinds import LAYER_NAMES, NAMES, OVERVIEW, kind, words
from filterscope.plots.overview import MEANING
from filterscope.plots.picture import Options, draw
from filterscope.recording.settings import TAKEN, Settings
from tests.support.figures import noise, pixels
from tests.support.pictures import count_colours


def test_every_module_with_a_picture_is_listed_once_under_its_name() -> None:
    modules = {info.name for info in pkgutil.iter_modules(plots.__path__) if not info.ispkg}
    found = {name for name in modules if hasattr(importlib.import_module(f"filterscope.plots.{name}"), "KIND")}
    assert sorted(found) == sorted(LAYER_NAMES)
    assert [kind(name).name for name in LAYER_NAMES] == list(LAYER_NAMES)
    assert {*LAYER_NAMES, OVERVIEW} == set(NAMES)


def literals(annotation: Any) -> set[str]:
    """All strings that an annotation spells."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return set().union(*map(literals, get_args(annotation)))


def test_the_callbacks_annotation_and_default_are_the_list() -> None:
    assert literals(get_type_hints(Conv1dFilterMonitor.__init__)["plots"]) == set(NAMES)
    assert Conv1dFilterMonitor().settings.named == list(NAMES) == Settings(plots=NAMES[::-1]).named
    assert set(NAMES) <= TAKEN


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_says_what_it_shows(name: str) -> None:
    assert 10 < len(words(name)) < 70
    assert 20 < len(MEANING if name == OVERVIEW else kind(name).meaning) < 160


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_a_picture_is_drawn_on_a_figure_given_and_shows_what_its_history_does(name: str) -> None:
    start, step, other = (noise(6, 1, 31, seed).weights for seed in range(3))
    banks = [FilterBank("conv1", start + 0.1 * epoch * step, epoch=epoch) for epoch in range(3)]
    figure = Figure(figsize=(9, 4.3), dpi=100)
    assert draw(kind(name), FilterHistory(banks), Options(), figure) is figure
    shown = pixels(figure)
    assert count_colours(shown) > 20
    banks[2].weights[1] += 0.2 * other[1]
    assert not np.array_equal(pixels(draw(kind(name), FilterHistory(banks), Options())), shown)


@pytest.mark.parametrize(
    ("taps", "snapshots", "in_time", "expected"),
    [
        (1, 1, True, {"taps"}),
        (1, 2, True, {"taps", "drift"}),
        (SHORTEST - 1, 2, True, {"taps", "evolution", "drift"}),
        (SHORTEST, 1, True, {"taps", "response"}),
        (SHORTEST, 1, False, {"taps"}),
        (SHORTEST, 2, True, {"taps", "response", "spectrum", "evolution", "drift"}),
        (SHORTEST, 2, False, {"taps", "evolution", "drift"}),
    ],
)
def test_pictures_are_drawn_where_they_make_sense(taps: int, snapshots: int, in_time: bool, expected: set[str]) -> None:
    assert {name for name in LAYER_NAMES if kind(name).suits(taps, snapshots, in_time)} == expected
