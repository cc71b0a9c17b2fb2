"""Which run and layer the Filters tab shows as runs come and go: the one looked at, or it says that it is another."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.support.browser import LOADERS, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import Look, Tab, cells, pulses, waves

pytest_plugins = ["tests.support.tab_fixtures"]


def come_back_often(tab: Tab) -> None:
    """As a user who goes to another window and back: the tab looks for new data then, not only every few seconds."""
    tab.page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 250)")


def runs_of(tab: Tab, *names: str) -> None:
    """Wait until the list holds these."""
    expect(tab.get("run")).to_have_count(len(names))
    assert tab.get("run").evaluate_all("all => all.map(one => one.dataset.run)") == list(names)


def test_a_run_that_comes_first_later_takes_no_place_of_the_one_looked_at(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "m", [waves(0), pulses(0)], 30).add(range(4))
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        served.wait_for_step("m", "filters/pulses/bank", 3 * STEPS)
        tab = look(served.frame).shows(3, "waves")
        tab.seek(2)
        tab.page.wait_for_url("**.run=m&**")
        link = tab.page.url
        assert "filterscope.tag=filters%2Fwaves%2Fbank" in link
        come_back_often(tab)
        Run(tmp_path / "a", [pulses(1), waves(1)], 30).add(range(4))
        runs_of(tab, "a", "m")
        tab.shows(2, "waves")
        expect(tab.grid).to_have_attribute("data-run", "m")
        tab.page.goto("about:blank")
        tab.page.goto(link)  # as in another window
        tab.shows(2, "waves")
        expect(tab.grid).to_have_attribute("data-run", "m")
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_what_is_shown_in_place_of_what_was_asked_for_is_told(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "m", [pulses(0), waves(0)], 30).add(range(4))
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        served.wait_for_step("m", "filters/waves/bank", 3 * STEPS)
        asked = "&p.filterscope.tag=filters%2Fwaves%2Fbank"
        tab = look(f"{served.frame}#p.filterscope.run=later{asked}").shows(3, "waves")
        come_back_often(tab)
        problem = tab.get("problem")
        expect(problem).to_have_text("The run later is not there; what is shown is m.")
        Run(tmp_path / "later", [pulses(1)], 30).add(range(3))
        tab.shows(2, "pulses")
        expect(problem).to_have_text("The run has no layer filters/waves; what is shown is pulses.")
        tab.choose("pulses")
        expect(problem).to_be_hidden()
        shutil.rmtree(tmp_path / "later")
        expect(problem).to_have_text("The run later is not there; what is shown is m.")
        tab.shows(3, "pulses").get("run").click()
        expect(problem).to_be_hidden()
        tab.page.goto("about:blank")  # before TensorBoard ends
        # The browser itself tells of a request for what is there no more.
        tab.problems[:] = [each for each in tab.problems if "404" not in each or "run=later" not in each]


def test_a_run_to_compare_with_that_is_not_there_is_told(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "m", [pulses(0)], 30).add(range(4))
    Run(tmp_path / "z", [waves(0)], 30).add(range(4))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("m", "filters/pulses/bank", 3 * STEPS)
        for name in ("gone", "z"):  # the latter without this layer
            tab = look(f"{served.frame}#p.filterscope.compare=run:{name}&p.filterscope.run=m").shows(3, "pulses")
            expect(tab.view.locator(".summary")).to_contain_text(f"nothing of {name} to compare with · pale: epoch 0")
            expect(tab.get("compare")).to_have_value("initial")
            tab.page.goto("about:blank")  # before TensorBoard ends


def test_in_place_of_a_snapshot_that_cannot_be_shown_nothing_of_it_is_told(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "m", [pulses(0)], 30).add(range(4))
    Run(tmp_path / "m", [Known("pulses", cells(0).weights)], 30).add(range(4, 7))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("m", "filters/pulses/bank", 6 * STEPS)
        tab = look(served.frame).loaded(3).shows(6)
        values = tab.view.locator(".moment-values")
        expect(values).to_have_text(re.compile("^change [^·]+$"))
        tab.get("scrubber").fill("2")
        expect(tab.get("epoch-label")).to_contain_text("epoch 4")  # the nearest, the first of its record
        expect(tab.view.locator(".waiting")).to_have_text(f"step {2 * STEPS} cannot be shown")
        expect(values).to_have_text("")
        tab.page.goto("about:blank")  # before TensorBoard ends
