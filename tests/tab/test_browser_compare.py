"""The Filters tab in a real browser: how a layer opens, and what follows what filters are compared with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from filterscope.filters import metrics, spectrum
from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import GHOST, LAST, SAMPLE_RATE, Look, Picture, Tab, Written, pulse_tap, rotation_colour

pytest_plugins = ["tests.support.tab_fixtures"]

GREY, RED = rotation_colour(0), rotation_colour(1)
#: Of filters that are compared with nothing, by theme.
PLAIN = {False: (0x2F, 0x6D, 0xB3), True: (0x6A, 0xA5, 0xE8)}
PLUS, MINUS = (0x67, 0, 0x1F), (5, 0x30, 0x61)


def ghost_tap(tab: Tab, number: int) -> int | None:
    picture = tab.tile(number)
    return picture.peak_tap(GHOST, tolerance=20) if picture.count(GHOST, 20) > 20 else None


def legends(tab: Tab) -> list[str]:
    return tab.view.locator(".toolbar .legend-name").all_inner_texts()


def test_the_previous_snapshot_by_keyboard(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(9)
    tab.get("compare").focus()
    tab.page.keyboard.type("prev")
    expect(tab.get("compare")).to_have_value("previous")
    tab.view.locator("text=pale: epoch 8").wait_for()
    assert legends(tab) == ["rotation from epoch 8"]
    rotation = metrics.rotation(written.weights("waves", 9), written.weights("waves", 8))
    for number in range(6):
        assert tab.tile(number).count(rotation_colour(rotation[number]), 12) > 100
    tab.page.wait_for_url("**/*compare=previous*")
    tab.seek(4)
    tab.view.locator("text=pale: epoch 3").wait_for()
    tab.choose("pulses")
    assert [ghost_tap(tab, number) for number in (2, 6)] == [pulse_tap(0, number, 3) for number in (2, 6)]


def test_some_snapshots_back(look: Look, tab: Tab) -> None:
    tab.seek(9)
    tab.get("compare").select_option("back")
    expect(tab.get("compare-back")).to_be_visible()
    expect(tab.get("compare-back")).to_have_accessible_name("How many snapshots back")
    tab.get("compare-back").focus()
    tab.page.keyboard.press("ControlOrMeta+a")
    tab.page.keyboard.type("3")
    tab.view.locator("text=pale: epoch 6").wait_for()
    assert ghost_tap(tab, 2) == pulse_tap(0, 2, 6)
    tab.page.keyboard.press("ArrowUp")  # of the number, and of nothing else
    tab.view.locator("text=pale: epoch 5").wait_for()
    expect(tab.get("detail")).to_be_hidden()
    tab.get("mode-change").click()
    tab.view.locator("text=difference from epoch 5").wait_for()
    assert tab.tile(5).peak_tap(RED) == pulse_tap(0, 5, 9)
    tab.page.wait_for_url(lambda url: "compare=back:4" in unquote(url))
    tab.page.reload()
    tab.shows(9)
    expect(tab.get("compare")).to_have_value("back")
    expect(tab.get("compare-back")).to_have_value("4")
    tab.seek(2)  # there are not as many before: the first
    tab.view.locator("text=difference from epoch 0").wait_for()


def test_before_the_first_snapshot_there_is_nothing(tab: Tab) -> None:
    tab.get("compare").select_option("previous")
    for layer, mode in (("block.cells", "change"), ("pulses", "change"), ("pulses", "taps")):
        tab.choose(layer)
        tab.get(f"mode-{mode}").click()
        tab.seek(0)
        expect(tab.view.locator(".summary")).to_contain_text("nothing before epoch 0 to compare with")
        tile = tab.tile(2)
        assert tile.count((0xFF, 0xC4, 0x4D)) == 0  # it is not broken
        assert tile.count(RED) == 0


@pytest.mark.parametrize("dark", [False, True])
def test_compared_with_nothing_filters_are_plain(look: Look, served: Served, dark: bool) -> None:
    tab = look(served.frame, dark=dark).loaded().seek(7)
    tab.get("sort").select_option("drift")
    expect(tab.grid).to_have_attribute("data-sort", "drift")
    tab.get("compare").select_option("none")
    expect(tab.grid).to_have_attribute("data-sort", "index")
    assert tab.tile(2).peak_tap(PLAIN[dark]) == pulse_tap(0, 2, 7)
    assert legends(tab) == []
    for sort, there in {"change": False, "drift": False, "norm": True, "index": True}.items():
        option = tab.get("sort").locator(f'option[value="{sort}"]')
        assert option.evaluate("option => option.disabled") is not there
    tab.get("mode-change").click()  # there is no difference from nothing
    tab.view.locator("text=difference from epoch 0").wait_for()
    expect(tab.get("compare")).to_have_value("initial")
    tab.get("mode-response").click()
    expect(tab.get("compare")).to_have_value("none")


@pytest.mark.parametrize(("choice", "before"), [("previous", 8), ("back:5", 4), ("run:b", None)])
def test_the_order_follows(look: Look, served: Served, written: Written, choice: str, before: int | None) -> None:
    tab = look(f"{served.frame}#p.filterscope.tag=filters%2Fwaves%2Fbank&p.filterscope.compare={choice}").loaded()
    tab.seek(9)
    now = written.weights("waves", 9)
    then = written.weights("waves", 9, "b") if before is None else written.weights("waves", before)
    tab.get("sort").select_option("drift")
    expect(tab.grid).to_have_attribute("data-sort", "drift")
    words = "b, epoch 9" if before is None else f"epoch {before}"
    tab.view.locator(f"text=pale: {words}").wait_for()
    wanted = list(np.argsort(-metrics.rotation(now, then)))
    assert wanted != list(np.argsort(-metrics.rotation(now, written.weights("waves", 0))))
    assert tab.order == wanted
    tab.get("sort").select_option("change")
    expect(tab.grid).to_have_attribute("data-sort", "change")
    assert tab.order == list(np.argsort(-np.linalg.norm((now.astype(float) - then).reshape(6, -1), axis=1)))


def test_the_scale_suits_small_differences(look: Look, tmp_path: Path) -> None:
    """Steps that get smaller and smaller."""

    def weights(epoch: int) -> np.ndarray:
        bump = np.hanning(31) * np.linspace(1, 2, 6)[:, None, None]
        return 0.01 * np.ones((6, 1, 31)) + bump * (1 - 0.25**epoch)

    Run(tmp_path / "only", [Known("slowing", weights)], 8).add(range(5))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("only", "filters/slowing/bank", 4 * STEPS)
        tab = look(f"{served.frame}#p.filterscope.mode=change&p.filterscope.compare=previous").loaded(5)
        edges = []
        for epoch in (1, 3):
            tab.seek(epoch)
            tab.view.locator(f"text=difference from epoch {epoch - 1}").wait_for()
            plot = tab.tile(5).plot
            marked = (np.abs(plot - rotation_colour(0)).max(axis=2) < 90).any(axis=1).nonzero()[0]
            assert marked.min() < 0.25 * plot.shape[0], epoch
            told = re.search(r"tile edge at this epoch ±(\S+)", tab.view.locator(".summary").inner_text())
            assert told is not None
            edges.append(float(told[1]))
        assert edges[0] > 10 * edges[1]
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_where_it_has_no_effect_it_says_why(tab: Tab) -> None:
    tab.seek(6)
    tab.get("compare").select_option("previous")
    assert tab.why("Compare with") == ""
    tab.get("mode-evolution").click()
    expect(tab.get("compare")).to_be_disabled()
    expect(tab.get("compare")).to_have_value("initial")
    expect(tab.get("compare")).to_have_attribute("title", re.compile("always from the initial filters"))
    assert "always from the initial filters" in tab.why("Compare with")
    assert legends(tab) == ["difference", "rotation"]
    tab.get("mode-taps").click()
    expect(tab.get("compare")).to_have_value("previous")
    expect(tab.get("compare")).to_be_enabled()


def test_to_compare_with_the_pinned_one_pins(tab: Tab) -> None:
    tab.seek(4)
    option = tab.get("compare").locator('option[value="pinned"]')
    expect(option).to_have_text("pin this epoch")
    tab.get("compare").select_option("pinned")
    expect(option).to_have_text("pinned: epoch 4")
    expect(tab.get("pin")).to_have_attribute("aria-pressed", "true")
    tab.seek(9)
    tab.view.locator("text=pale: epoch 4").wait_for()
    assert ghost_tap(tab, 2) == pulse_tap(0, 2, 4)


def test_to_let_a_pin_go_leaves_another_comparison(tab: Tab) -> None:
    tab.seek(4)
    tab.get("pin").click()
    expect(tab.get("compare")).to_have_value("pinned")
    tab.get("compare").select_option("run:b")
    tab.get("pin").click()
    expect(tab.get("pin")).to_have_attribute("aria-pressed", "false")
    expect(tab.get("compare")).to_have_value("run:b")


def test_a_pin_between_snapshots_is_let_go_at_once(look: Look, served: Served) -> None:
    """As one set in a run with snapshots at other steps."""
    tab = look(f"{served.frame}#p.filterscope.pin={4 * STEPS + 1}&p.filterscope.compare=pinned").loaded().seek(4)
    expect(tab.get("pin")).to_have_accessible_name("Unpin this epoch")
    tab.get("pin").click()
    expect(tab.get("pin")).to_have_attribute("aria-pressed", "false")
    expect(tab.get("compare")).to_have_value("initial")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A layer whose filters have another shape in the second run, and learn with both signs."""
    directory = tmp_path_factory.mktemp("shapes")

    def weights(epoch: int) -> np.ndarray:
        result = np.full((4, 2, 16), 0.5)
        for number in range(4):
            for channel, strength in enumerate((epoch, epoch / 2)):
                result[number, channel, 3] += strength * (1 if number % 2 else -1)
                result[number, channel, 11] -= strength * (1 if number % 2 else -1)
        return result

    Run(directory / "a", [Known("two", weights)], 5).add(range(5))
    Run(directory / "b", [Known("two", lambda epoch: weights(epoch)[:, :, :8])], 5).add(range(5))
    with tensorboard(directory, LOADERS["fast"]) as running:
        for run in "ab":
            running.wait_for_step(run, "filters/two/bank", 4 * STEPS)
        yield running


def test_a_run_of_another_shape_is_no_choice(look: Look, shapes: Served) -> None:
    tab = look(f"{shapes.frame}#p.filterscope.compare=run:b").loaded(5)
    option = tab.get("compare").locator('option[value="run:b"]')
    expect(option).to_have_text("run b (another shape)")
    assert option.evaluate("option => option.disabled")
    expect(tab.get("compare")).to_have_value("initial")
    expect(tab.view.locator(".summary")).to_contain_text("b has another shape")


def test_a_run_of_another_shape_is_not_in_the_scrubber_either(look: Look, shapes: Served) -> None:
    tab = look(shapes.frame).loaded(5)
    tracks = tab.get("tracks")
    expect(tracks).to_have_attribute("aria-label", re.compile("change up to"))
    alone = tracks.get_attribute("aria-label")
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto(f"{shapes.frame}#p.filterscope.compare=run:b")
    expect(tab.view.locator(".summary")).to_contain_text("b has another shape")
    assert [url for url in asked if "/banks?" in url and "run=b" in url]
    assert not [url for url in asked if "/overview?" in url and "run=b" in url]
    expect(tracks).to_have_attribute("aria-label", alone or "")


def test_what_channels_learned_has_a_sign(look: Look, shapes: Served) -> None:
    tab = look(f"{shapes.frame}#p.filterscope.mode=evolution").loaded(5)
    expect(tab.view.locator(".summary")).to_contain_text("sum of channels along principal direction")
    tab.seek(0)
    for number in range(4):
        plot = tab.tile(number).plot
        line = plot[-12]
        signs = {}
        for tap in (3, 11):
            pixel = line[round((tap + 0.5) / 16 * plot.shape[1])]
            signs[tap] = int(np.abs(pixel - PLUS).max() < 60) - int(np.abs(pixel - MINUS).max() < 60)
        assert {signs[3], signs[11]} == {1, -1}, signs


def test_the_shown_moment_is_a_line_through(tab: Tab) -> None:
    tab.get("mode-evolution").click()
    tab.seek(5)
    expect(tab.view.locator(".summary")).to_contain_text("line: epoch 5")
    plot = tab.tile(3).plot
    lines = (np.abs(plot - (0xF5, 0x7C, 0)).max(axis=2) < 30).all(axis=1).nonzero()[0]
    assert lines.size
    assert lines.mean() + 0.5 == pytest.approx(5.5 / (LAST + 1) * plot.shape[0], abs=2)


def test_what_is_nothing_is_dark_in_dark_mode(look: Look, served: Served) -> None:
    tab = look(served.frame, dark=True).loaded().choose("block.cells").seek(0)
    for number in range(4):
        plot = tab.tile(number).plot
        one = np.abs(plot - (0xFF, 0xAD, 0xAD)).max(axis=2) < 20
        assert one.mean() == pytest.approx(1 / 27, abs=0.02)
        assert np.median(plot.max(axis=2)) < 40
    assert "rgb(25, 12, 9)" in tab.view.locator(".legend-bar").first.evaluate("bar => getComputedStyle(bar).background")


def passes(tab: Tab) -> Locator:
    return tab.get("passes").get_by_role("img")


def test_what_the_layer_passes_stands_above_its_responses(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(9)
    expect(tab.get("passes")).to_be_hidden()
    tab.get("mode-response").click()
    expect(passes(tab)).to_be_visible()
    tab.page.mouse.move(1, 1)
    box = passes(tab).bounding_box()
    assert box is not None
    clip: Any = dict(box)
    picture = Picture.of(tab.page.screenshot(clip=clip)).pixels
    left, right, top, bottom = 44, 10, 6, 20
    width, height = box["width"] - left - right, box["height"] - top - bottom
    levels = {epoch: spectrum.cumulative(written.weights("waves", epoch), 512) for epoch in (0, 9)}
    limit = max(float(each.max()) for each in levels.values())
    for share in (0.1, 0.24, 0.4, 0.6, 0.75):
        frequency = share * SAMPLE_RATE / 2
        column = picture[:, round(left + share * width)]
        for epoch, colour in ((9, PLAIN[False]), (0, GHOST)):
            rows = (np.abs(column - colour).max(axis=1) < 30).nonzero()[0]
            level = levels[epoch][round(share * (len(levels[epoch]) - 1))]
            if not rows.size:
                assert epoch == 0  # behind the other
                continue
            shown = 1 - (rows - top) / height
            assert np.abs(shown * max(2.0, np.ceil(limit)) - level).min() < 0.35, (epoch, frequency)
    tab.page.mouse.move(box["x"] + left + 0.5 * width, box["y"] + 40)
    words = tab.get("passes").locator(".plot-readout").inner_text()
    told = re.match(r"(\S+) Hz: (\S+) · epoch 0 (\S+)$", words)
    assert told is not None, words
    middle = len(levels[9]) // 2
    assert min(abs(float(told[2]) - level) for level in levels[9][middle - 2 : middle + 3]) < 0.02
    tab.get("compare").select_option("previous")
    expect(tab.get("passes")).to_contain_text("epoch 8")
    tab.get("compare").select_option("none")
    tab.page.mouse.move(1, 1)
    expect(tab.get("passes").locator(".plot-readout")).to_have_text("")


@pytest.mark.parametrize("width", [480, 1100])
def test_the_choice_stands_above_the_tiles_at_any_width(look: Look, served: Served, width: int) -> None:
    tab = look(f"{served.frame}#p.filterscope.compare=back:4", width=width, height=800).loaded()
    for control in ("compare", "compare-back", "sort", "scale"):
        expect(tab.get(control)).to_be_visible()
        box = tab.get(control).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    assert tab.view.locator("html").evaluate("root => root.scrollWidth") <= width


@pytest.mark.parametrize("compare", ["initial", "run:b"])
def test_both_scales_are_whole_in_a_narrow_window(look: Look, served: Served, compare: str) -> None:
    tab = look(f"{served.frame}#p.filterscope.compare={compare}", width=480, height=900)
    for mode in ("taps", "change", "evolution"):
        tab.choose_in_menu("block.cells").get(f"mode-{mode}").click()
        expect(tab.grid).to_have_attribute("data-mode", mode)
        tab.shows()
        ends = tab.view.locator(".reading .legend-scale").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().right)"
        )
        assert len(ends) == 2
        assert max(ends) <= 480
        assert tab.view.locator("html").evaluate("root => root.scrollWidth") <= 480
