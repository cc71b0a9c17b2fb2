"""Two runs in one picture: the same layer of another run as the reference, called by a name."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from filterscope import FilterBank, FilterHistory, plot_filter, plot_response, plot_taps
from filterscope.plots.response import ResponsePicture
from tests.plots.test_plots_words import assert_readable
from tests.support.figures import noise, pixels, words

NAME = "lr 0.1"


def two_runs(filters: int, channels: int, taps: int, **facts: Any) -> tuple[FilterBank, FilterBank]:
    """The last moments of two runs of one layer, which is called otherwise in the other."""
    ours, theirs = (
        FilterHistory(
            [noise(filters, channels, taps, 10 * run + epoch, epoch=epoch, **facts) for epoch in (0, 9 - run)]
        )
        for run in (0, 1)
    )
    return ours[-1], theirs[-1].with_fields(layer="net.conv1")


def lines(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def draw(kind: str, bank: FilterBank, **options: Any) -> Any:
    return {
        "filter": lambda: plot_filter(bank, 1, **options),
        "taps": lambda: plot_taps(bank, **options),
        "response": lambda: plot_response(bank, **options),
    }[kind]()


@pytest.mark.parametrize("size", [(3.3, 2.2), (6.8, 3.0), None])
@pytest.mark.parametrize("kind", ["filter", "taps", "response"])
@pytest.mark.parametrize(
    ("shape", "facts"),
    [((16, 1, 31), {}), ((3, 1, 31), {}), ((8, 12, 9), {}), ((8, 4, 15), {"channel_names": tuple("ACGT")})],
)
def test_the_title_names_the_other_run_and_its_moment_is_not_told(
    kind: str, shape: tuple[int, int, int], facts: dict[str, Any], size: tuple[float, float] | None
) -> None:
    bank, other = two_runs(*shape, **facts)
    for name in (NAME, "a run\nwith a name too long to stand anywhere beside other words"):
        with mpl.rc_context({"font.size": 7}):
            figure = None if size is None else Figure(size, dpi=300)
            figure = draw(kind, bank, reference=other, reference_name=name, figure=figure)
        assert_readable(figure)
        if name == NAME:
            (title,) = [line for line in lines(figure) if line.endswith("epoch 9") and "·" in line]
            assert NAME in title
        assert "epoch 8" not in words(figure)


def test_each_picture_says_what_lies_behind() -> None:
    bank, other = two_runs(8, 1, 31)
    options: dict[str, Any] = {"reference": other, "reference_name": NAME}
    assert f"shaded: difference from {NAME}" in words(plot_taps(bank, **options))
    assert f"pale: {NAME}" in words(plot_filter(bank, 1, **options))
    assert lines(plot_response(bank, **options)).count(NAME) == 1  # above its half
    few, others = two_runs(3, 1, 31)
    assert f"pale: {NAME}" in lines(plot_response(few, reference=others, reference_name=NAME))
    many, others = two_runs(8, 12, 9)
    options["reference"] = others
    assert f"frame: rotation from {NAME}" in words(plot_taps(many, channels="all", **options))
    assert f" from {NAME}" in words(plot_filter(many, 1, **options))
    letters, others = two_runs(8, 4, 15, channel_names=tuple("ACGT"))
    assert f"strip: rotation from {NAME}" in words(plot_taps(letters, reference=others, reference_name=NAME))


@pytest.mark.parametrize("kind", ["filter", "taps", "response"])
def test_a_name_changes_words_only_and_none_is_as_before(kind: str) -> None:
    bank, other = two_runs(8, 1, 31)
    plain, named = draw(kind, bank, reference=other), draw(kind, bank, reference=other, reference_name=NAME)
    assert NAME not in words(plain)
    middle = slice(60, 380)
    assert np.array_equal(pixels(plain)[middle], pixels(named)[middle])
    assert not np.array_equal(pixels(plain), pixels(named))
    assert not np.array_equal(pixels(draw(kind, bank))[middle], pixels(named)[middle])


def test_a_name_stays_when_the_picture_is_redrawn() -> None:
    bank, other = two_runs(8, 1, 31)
    picture = ResponsePicture(bank, other, reference_name=NAME)
    picture.update(bank, reference=noise(8, 1, 31, 5, epoch=4))
    assert "epoch 4" not in words(picture.sheet.figure)
    assert NAME in lines(picture.sheet.figure)


@pytest.mark.parametrize("kind", ["filter", "taps", "response"])
def test_names_and_references_that_do_not_fit_are_refused(kind: str) -> None:
    bank, other = two_runs(8, 1, 31)
    with pytest.raises(ValueError, match=r"reference_name='lr 0\.1' names nothing: give a reference= too"):
        draw(kind, bank, reference_name=NAME)
    with pytest.raises(ValueError, match="reference_name=' ' is empty; give what tells it from the bank"):
        draw(kind, bank, reference=other, reference_name=" ")
    with pytest.raises(TypeError, match=r"reference_name=0\.1 is not a string"):
        draw(kind, bank, reference=other, reference_name=0.1)
    with pytest.raises(ValueError, match="or the same layer of another run"):
        draw(kind, bank, reference=noise(8, 2, 31))
    with pytest.raises(ValueError, match="the reference is complex and the bank real"):
        draw(kind, bank, reference=other.with_fields(weights=other.weights * np.complex64(1j)))
