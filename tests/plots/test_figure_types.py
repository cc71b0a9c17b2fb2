"""What a type checker knows of the figures that ``plot_*`` give, and what their switches take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

import pytest
from matplotlib.figure import Figure, SubFigure

from filterscope import (
    FilterHistory,
    plot_drift,
    plot_evolution,
    plot_filter,
    plot_overview,
    plot_response,
    plot_spectrum,
    plot_taps,
)
from tests.support.figures import noise


@pytest.fixture(scope="module")
def history() -> FilterHistory:
    return FilterHistory([noise(4, 1, 31, seed) for seed in range(2)])


def test_a_new_figure_can_be_saved_and_one_given_is_of_its_own_class(history: FilterHistory, tmp_path: Path) -> None:
    # mypy reads this file: assert_type is its assertion.
    assert_type(plot_taps(history[-1]), Figure).savefig(tmp_path / "taps.png")
    assert (tmp_path / "taps.png").read_bytes().startswith(b"\x89PNG")
    of_bank: list[Callable[..., Figure]] = [plot_taps, plot_response, plot_filter]
    of_history: list[Callable[..., Figure]] = [plot_drift, plot_evolution, plot_overview, plot_spectrum]
    assert len(of_bank + of_history) == 7
    half: SubFigure = Figure(figsize=(9, 8)).subfigures(1, 2, squeeze=False)[0, 0]
    assert assert_type(plot_drift(history, figure=half), SubFigure) is half
    assert assert_type(plot_overview([history], figure=half), SubFigure) is half
    assert isinstance(assert_type(plot_filter(history[-1], 2), Figure), Figure)


@pytest.mark.parametrize("switch", ["title", "colorbar"])
@pytest.mark.parametrize("value", ["My layer", None, 1])
def test_a_switch_is_true_or_false_and_no_text(history: FilterHistory, switch: str, value: Any) -> None:
    bank, more = history[-1], {switch: value}
    drawn: list[Callable[[], Any]] = [
        lambda: plot_taps(bank, **more),
        lambda: plot_response(bank, **more),
        lambda: plot_filter(bank, 1, **more),
        lambda: plot_drift(history, **more),
        lambda: plot_evolution(history, **more),
        lambda: plot_overview([history], **more),
        lambda: plot_spectrum(history, **more),
    ]
    for draw in drawn:
        with pytest.raises(TypeError, match=f"{switch}={value!r} must be True or False"):
            draw()
