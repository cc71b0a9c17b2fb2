"""Tiles of filters that go beyond the scale of all say so: lines, heat maps and evolution, by day and by night."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.arrays import normal
from tests.support.browser import LOADERS, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import GHOST, Look, rotation_colour

pytest_plugins = ["tests.support.tab_fixtures"]

LARGE = (5,)
INK = {"light": (0x11, 0x18, 0x27), "dark": (0xE8, 0xEA, 0xED)}


def weights(channels: int, epoch: int) -> np.ndarray:
    values = normal(9, channels, 31) + epoch * normal(9, channels, 31, seed=1) * 0.2
    values[list(LARGE)] *= 100
    return values


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tiles_beyond_the_scale_have_a_marked_corner(look: Look, tmp_path: Path, theme: str) -> None:
    layers = [Known(name, partial(weights, channels)) for name, channels in (("one", 1), ("three", 3))]
    Run(tmp_path / "only", layers, 3).add(range(4))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        for layer in layers:
            served.wait_for_step("only", f"filters/{layer.name}/bank", 3 * STEPS)
        tab = look(served.frame, dark=theme == "dark")
        for name, mode in (("one", "taps"), ("one", "evolution"), ("three", "taps")):
            tab.choose(name).shows(3, name)
            tab.get(f"mode-{mode}").click()
            expect(tab.view.locator(".summary")).to_contain_text("corner: beyond the scale")
            ink = INK[theme]
            corners = [tab.tile(number).plot[:8, -10:] for number in range(9)]
            marked = [int((np.abs(each - ink).max(axis=2) < 60).sum()) > 12 for each in corners]
            assert [number for number in range(9) if marked[number]] == list(LARGE), (name, mode)
        tab.get("mode-taps").click()
        tab.get("scale").select_option("filter")
        expect(tab.view.locator(".summary")).not_to_contain_text("beyond the scale")
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_pale_curves_follow_a_scale_of_their_own_that_grows(look: Look, tmp_path: Path) -> None:
    """The others have the median, and what all tiles would share stays as it is."""

    def heights(epoch: int) -> np.ndarray:
        weights = np.zeros((4, 1, 31))
        weights[:, 0, 10] = 1
        weights[3, 0, 10 if epoch == 0 else 20] = 4 if epoch < 4 else 16
        return weights

    run = Run(tmp_path / "only", [Known("heights", heights)], 30).add(range(4))
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        served.wait_for_step("only", "filters/heights/bank", 3 * STEPS)
        tab = look(f"{served.frame}#p.filterscope.scale=filter").loaded(4).shows(3)
        tab.page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 250)")
        height = tab.tile(3).plot.shape[0] / 2
        assert tab.tile(3).peak(GHOST)[1] > 1.9 * height
        run.add([4])
        tab.loaded(5).shows(4)
        assert tab.tile(3).peak(rotation_colour(1))[1] > 1.9 * height
        assert 1.2 * height < tab.tile(3).peak(GHOST)[1] < 1.3 * height
        tab.page.goto("about:blank")  # before TensorBoard ends
