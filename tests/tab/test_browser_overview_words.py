"""What the overview says in sentences, and how it stands where there is little room."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.arrays import normal
from tests.support.browser import LOADERS, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import Look, waves

pytest_plugins = ["tests.support.tab_fixtures"]

BEGINNING = normal(6, 1, 9)


def dying(epoch: int) -> np.ndarray:
    """The last filter is dead from the beginning, the one before it from epoch 3 on."""
    weights = BEGINNING.copy()
    weights[5] = 0
    weights[4] *= 1e-6 if epoch >= 3 else 1
    return weights


def growing(epoch: int) -> np.ndarray:
    """Twice as large at epoch 5, and of the same shape."""
    return BEGINNING * (1 + epoch / 5)


def test_sentences_say_no_more_than_is_so(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "only", [waves(0), Known("dying", dying), Known("growing", growing)], 5).add(range(6))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("only", "filters/growing/bank", 5 * STEPS)
        tab = look(f"{served.frame}#p.filterscope.view=overview", overview=True)
        said = tab.view.get_by_role("list", name="What happened").get_by_role("listitem")
        expect(said.get_by_text("Dead filters: 2 of 6 in dying, from epoch 3", exact=True)).to_be_visible()
        expect(said.get_by_text("1 layer of 3 hardly turned: growing", exact=True)).to_be_visible()
        tab.page.goto("about:blank")  # before TensorBoard ends


@pytest.mark.parametrize("width", [800, 1040])
def test_the_name_of_the_run_has_room_beside_the_legend(look: Look, tmp_path: Path, width: int) -> None:
    for name in ("a run/with spaces and a name of its own", "b"):
        Run(tmp_path / name, [waves(0), Known("dying", dying)], 5).add(range(6))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("b", "filters/dying/bank", 5 * STEPS)
        tab = look(f"{served.frame}#p.filterscope.view=overview", overview=True, width=width)
        about = tab.view.locator(".overview-about")
        expect(about).to_have_text("a run/with spaces and a name of its own · 2 layers · up to epoch 5")
        assert about.evaluate("one => one.getClientRects()[0].height") < 44  # two lines
        legend = tab.view.locator(".overview-legend").bounding_box()
        assert legend is not None
        assert legend["x"] + legend["width"] <= width
        changes = tab.get("overview-row").first.get_by_role("slider").bounding_box()
        assert changes is not None
        assert changes["width"] > 300
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_words_below_the_colours_of_change_keep_apart(look: Look, tmp_path: Path) -> None:
    def shrinking(epoch: int) -> np.ndarray:
        """Grows by 4.3 %, then less and less, down to 0.04 %."""
        return BEGINNING * np.prod(1 + np.geomspace(0.043, 0.0004, 5)[:epoch])

    Run(tmp_path / "only", [Known("shrinking", shrinking)], 5).add(range(6))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("only", "filters/shrinking/bank", 5 * STEPS)
        tab = look(f"{served.frame}#p.filterscope.view=overview", overview=True)
        ticks = tab.view.locator(".overview-legend .legend-tick")
        expect(ticks.first).to_have_text("4e−4")
        expect(ticks.last).to_have_text("0.043")
        boxes = [box for one in ticks.all() if (box := one.bounding_box())]
        for one, other in pairwise(boxes):
            assert one["x"] + one["width"] + 2 < other["x"]
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_what_is_left_of_no_rotation_by_rounding_is_none(look: Look, tmp_path: Path) -> None:
    frozen = normal(16, 128, 9)
    Run(tmp_path / "only", [Known("frozen", lambda _: frozen)], 1).add(range(2))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("only", "filters/frozen/bank", STEPS)
        tab = look(served.frame).loaded(2).shows(1)
        tab.opened_at(0)
        for number in range(16):
            expect(tab.get("detail")).to_have_attribute("data-filter", str(number))
            assert tab.facts()["rotation"] == "0"
            tab.page.keyboard.press("ArrowDown")
        expect(tab.grid).to_have_accessible_name("frozen, epoch 1: 16 filters, taps; median rotation 0")
        tab.page.goto("about:blank")  # before TensorBoard ends
