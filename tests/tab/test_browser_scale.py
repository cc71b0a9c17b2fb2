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
from tests.support.tab import Look

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
