"""What the Filters tab opens on, for who has chosen nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Route, expect

from tests.support.arrays import normal
from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import ACCENT, LAST, Look, Tab, Written, rotation_colour
from tests.support.tab import pulses as pulses_of

pytest_plugins = ["tests.support.tab_fixtures"]

GREY, RED = rotation_colour(0), rotation_colour(1)
#: Of filters that are compared with nothing, by theme.
PLAIN = {False: (0x2F, 0x6D, 0xB3), True: (0x6A, 0xA5, 0xE8)}
PLUS, MINUS = (0x67, 0, 0x1F), (5, 0x30, 0x61)


def bare(look: Look, there: Served, more: str = "", **options: object) -> Tab:
    """A layer as it opens for who has chosen nothing of how it is shown."""
    return look(f"{there.frame}#p.filterscope.view=layer{more}", overview=True, **options)


def by_difference(written: Written, layer: str, epoch: int, before: int) -> list[int]:
    moved = written.weights(layer, epoch).astype(float) - written.weights(layer, before)
    sizes = np.sqrt((moved**2).sum(axis=(1, 2)))
    return [int(number) for number in np.argsort(-sizes, kind="stable")]


def test_a_layer_opens_on_what_was_learned(look: Look, served: Served, written: Written) -> None:
    tab = bare(look, served, "&p.filterscope.tag=filters%2Fwaves%2Fbank").loaded().shows(LAST, "waves")
    before = tab.page.url
    expect(tab.grid).to_have_attribute("data-mode", "change")
    expect(tab.get("mode-change")).to_have_attribute("aria-pressed", "true")
    expect(tab.get("sort")).to_have_value("change")
    assert tab.order == by_difference(written, "waves", LAST, 0)
    expect(tab.view.locator(".summary")).to_contain_text("difference from epoch 0")
    assert tab.page.url == before  # who only looks leaves the address as it is
    tab.seek(3)
    assert tab.order == by_difference(written, "waves", LAST, 0)
    expect(tab.view.locator(".summary")).to_contain_text(f"in the order of epoch {LAST}")
    for words in ("mode=change", "sort=change", f"sorted={LAST * STEPS}", f"step={3 * STEPS}"):
        tab.page.wait_for_url(f"**/*{words}*")
    again = look(tab.page.url, overview=True).shows(3, "waves")
    expect(again.grid).to_have_attribute("data-mode", "change")
    assert again.order == by_difference(written, "waves", LAST, 0)
    tab = bare(look, served).loaded().choose("pulses")
    expect(tab.grid).to_have_attribute("data-mode", "change")
    tab.choose("waves")  # how it opened comes into the address when it is known
    tab.page.wait_for_url("**/*waves*mode=change*")


def test_a_link_keeps_the_mode_and_the_order_it_names(look: Look, served: Served) -> None:
    tab = bare(look, served, "&p.filterscope.mode=response&p.filterscope.sort=index").loaded()
    expect(tab.grid).to_have_attribute("data-mode", "response")
    assert tab.order == list(range(8))
    tab.page.keyboard.press("1")
    expect(tab.grid).to_have_attribute("data-mode", "taps")
    tab.page.reload()
    tab.shows(LAST)
    expect(tab.grid).to_have_attribute("data-mode", "taps")


def test_it_turns_to_what_was_learned_only_if_nothing_was_chosen(look: Look, tmp_path: Path) -> None:
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        run = Run(tmp_path / "only", [pulses_of(0)], 30).add([0])
        served.wait_for_step("only", "filters/pulses/bank", 0)
        tabs = [bare(look, served, width=width).shows(0) for width in (1500, 1510)]
        links = []
        for tab in tabs:
            expect(tab.grid).to_have_attribute("data-mode", "taps")
            expect(tab.grid).to_have_attribute("data-sort", "index")
            expect(tab.get("compare")).to_be_disabled()
            assert "nothing to compare" in tab.why("Compare with")
            tab.page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 250)")
        tabs[1].get("scale").select_option("filter")
        tabs[1].page.wait_for_url("**/*scale=filter*")
        links.append(tabs[1].page.url)
        run.add([1, 2])
        for tab, mode in zip(tabs, ("change", "taps"), strict=True):
            tab.shows(2)
            expect(tab.get("compare")).to_be_enabled()
            expect(tab.grid).to_have_attribute("data-mode", mode)
        # The link was made when there was nothing but the initial filters.
        tab = look(links[0], overview=True, width=1500).shows(2)
        expect(tab.grid).to_have_attribute("data-mode", "taps")
        expect(tab.grid).to_have_attribute("data-sort", "index")
        for tab in tabs:
            tab.page.goto("about:blank")  # before TensorBoard ends


def test_a_frozen_layer_opens_as_it_is_and_rounding_is_no_difference(look: Look, tmp_path: Path) -> None:
    weights = normal(4, 2, 31)
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        Run(tmp_path / "only", [Known("frozen", lambda _: weights)], 3).add(range(4))
        served.wait_for_step("only", "filters/frozen/bank", 3 * STEPS)
        tab = bare(look, served).loaded(4).shows(3, "frozen")
        expect(tab.grid).to_have_attribute("data-mode", "taps")
        for mode in ("change", "evolution"):
            tab.get(f"mode-{mode}").click()
            expect(tab.grid).to_have_attribute("data-mode", mode)
            seen = tab.shows(3).tile(0).plot[8:-8, 8:-8]
            coloured = np.ptp(seen, axis=2) > 40
            assert not coloured[np.abs(seen - ACCENT).max(axis=2) > 60].any(), mode
        tab.seek(1).opened_at(2)
        assert tab.facts()["change"] == "0"
        expect(tab.get("detail").get_by_text("no difference")).to_have_count(2)  # over time, and channel by channel


def test_nothing_turns_over_while_another_run_is_on_its_way(look: Look, served: Served) -> None:
    tab = bare(look, served, "&p.filterscope.tag=filters%2Fwaves%2Fbank").loaded().shows(LAST, "waves")
    held: list[Route] = []
    on_hold = True

    def hold(route: Route) -> None:
        if on_hold:
            held.append(route)
        else:
            route.continue_()

    tab.page.context.route("**/banks?run=b&**", hold)
    tab.get("run", '[data-run="b"]').click()
    expect(tab.grid).to_be_hidden()
    expect(tab.get("mode-change")).to_have_attribute("aria-pressed", "true")
    expect(tab.get("sort")).to_have_value("change")
    expect(tab.get("chip-peak")).to_be_visible()
    expect(tab.get("chip-peak")).to_be_disabled()
    on_hold = False
    for route in held:
        route.continue_()
    tab.shows(LAST, "waves")
    expect(tab.grid).to_have_attribute("data-run", "b")
    expect(tab.get("chip-peak")).to_be_enabled()
    tab.page.context.unroute("**/banks?run=b&**", hold)
