"""Both halves draw alike: colours of rotation, their tables, and letters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

import filterscope
from filterscope.filters import channels
from filterscope.filters.words import are_letters
from filterscope.plots.drawing import logo
from filterscope.plots.drawing.colours import rotation_colours, rotation_share
from tests.support import colour_tables
from tests.support.arrays import normal

pytest_plugins = ["tests.support.tab_numbers"]


def test_rotations_lie_where_they_do_on_the_bars_of_the_pictures(modules: Any) -> None:
    given = [0, 1e-9, 0.01, 0.02, 0.06, 0.1, 0.3, 0.5, 0.6, 1, 1.1, 1.9, 2]
    found = modules("return given[0].map(numbers.rotationShare)", given)
    np.testing.assert_allclose(found, rotation_share(np.array(given)), atol=1e-12)
    wanted = [to_hex(colour) for colour in rotation_colours(np.array(given), len(given))]
    channels = modules("return given[0].map((each) => numbers.rotationColour(each))", given)
    assert np.abs(np.array([to_rgb(each) for each in channels]) - [to_rgb(each) for each in wanted]).max() < 0.02


def test_the_tables_of_colours_are_those_of_the_pictures() -> None:
    words = "the pictures' colours have changed: run 'python -m tests.support.colour_tables'"
    assert colour_tables.FILE.read_text(encoding="utf-8") == colour_tables.text(), words
    assert colour_tables.FILE.is_relative_to(filterscope.__path__[0])


@pytest.mark.parametrize("count", [2, 4, 20])
def test_logos(modules: Any, count: int) -> None:
    weights = normal(9, count, 11)
    weights[3] *= 20
    found = modules(
        """const [values, shape] = given, centred = numbers.centred(Float32Array.from(values), shape);
        const peaks = numbers.stackPeaks(centred, shape);
        return [[...centred], [...peaks], numbers.fairLimit(peaks)];""",
        weights.ravel().astype(float).tolist(),
        list(weights.shape),
    )
    shown = channels.reduce(weights, "logo")
    np.testing.assert_allclose(found[0], shown.ravel(), atol=1e-6)
    heights = logo.stack_heights(shown)
    np.testing.assert_allclose(found[1], heights.max(axis=(1, 2)), rtol=1e-5)
    assert found[2] == pytest.approx(logo.fair_limit(heights), rel=1e-5)


@pytest.mark.parametrize(
    "names", [("A", "C", "G", "T"), ("x", "y", "z"), ("A",), ("Fz", "C3"), ("A", "b"), ("É", "Ж"), ("1", "2"), None]
)
def test_what_letters_are(modules: Any, names: tuple[str, ...] | None) -> None:
    header = {"channel_names": names and list(names)}
    assert modules("return numbers.isLettered(given[0])", header) == (names is not None and are_letters(names))


def test_letters_have_the_colours_of_the_pictures(modules: Any) -> None:
    letters = [chr(code) for code in range(ord("A"), ord("Z") + 1)] + ["É", "Ж"]
    assert modules("return given.map(numbers.letterColour)", *letters) == [logo.letter_colour(each) for each in letters]
