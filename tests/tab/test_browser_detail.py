"""The Filters tab in a real browser: one filter in detail, readouts, and what can be saved."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.browser import Served
from tests.support.synthetic import STEPS
from tests.support.tab import (
    ACCENT,
    LAST,
    SAMPLE_RATE,
    Look,
    Picture,
    Tab,
    Written,
    agrees,
    number,
    pulse_tap,
    rotation_colour,
)

pytest_plugins = ["tests.support.tab_fixtures"]


def test_a_filters_numbers_are_those_of_its_weights(tab: Tab, written: Written) -> None:
    for layer, rate, unit in [("waves", SAMPLE_RATE, "Hz"), ("block.deep", 1.0, "cycles/sample")]:
        tab.choose(layer).loaded()
        for epoch, row in [(5, 3), (9, 1)]:
            tab.seek(epoch).opened_at(row)
            expect(tab.get("detail")).to_have_attribute("data-step", str(epoch * STEPS))
            facts = tab.facts()
            for name, value in written.measures(layer, epoch, row).items():
                assert agrees(facts[name], value), (layer, name, facts[name], value)
            if layer == "waves":  # an impulse is as loud at all frequencies
                assert agrees(facts["peak"], written.peak(layer, epoch, row) * rate, digits=3)
            assert facts["peak"].endswith(unit)
            tab.page.keyboard.press("Escape")
            expect(tab.get("detail")).to_be_hidden()


def test_a_dead_filter_is_told_as_such(tab: Tab) -> None:
    tab.choose("noise").seek(LAST).opened_at(3)
    assert tab.facts()["state"] == "dead"
    tab.seek(2)
    expect(tab.get("detail")).to_have_attribute("data-step", str(2 * STEPS))
    assert "state" not in tab.facts()
    expect(tab.get("layer", '[data-layer="noise"]')).to_contain_text("1 of 64 dead (1.6 %)")


def test_the_detail_goes_on_to_the_next_filter_and_closes(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(1)
    tab.get("sort").select_option("drift")
    expect(tab.grid).to_have_attribute("data-sort", "drift")
    order, detail = tab.order, tab.get("detail")
    tab.opened_at(order[0])
    for name, place in [("Next filter", 1), ("Next filter", 2), ("Previous filter", 1)]:
        detail.get_by_role("button", name=name).click()
        expect(detail).to_have_attribute("data-filter", str(order[place]))
        assert agrees(tab.facts()["norm"], written.measures("waves", 1, order[place])["norm"])
    for key, place in [("ArrowDown", 2), ("ArrowUp", 1), ("ArrowUp", 0), ("ArrowUp", 0)]:
        tab.page.keyboard.press(key)
        expect(detail).to_have_attribute("data-filter", str(order[place]))
    expect(detail.get_by_role("heading")).to_contain_text(f"filter {order[0]}")
    detail.get_by_role("button", name="Close").click()
    expect(detail).to_be_hidden()
    tab.opened_at(order[4])
    tab.click(order[4])
    expect(detail).to_be_hidden()


TAPS, RESPONSE, LEARNED = "taps of the filter", "magnitude response", "heat map of the difference"


def test_the_readout_tells_the_tap_under_the_pointer(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(4).opened_at(2)
    now, then = (written.weights("waves", epoch)[2, 0] for epoch in (4, 0))
    x, y, width, height = tab.plot(TAPS)
    found = []
    for share in (0.3, 0.5, 0.8):
        tab.page.mouse.move(x + share * width, y + height / 2)
        words = re.match(r"tap (\d+): (\S+) · epoch 0 (\S+)$", tab.readout(TAPS))
        assert words is not None, tab.readout(TAPS)
        tap = int(words[1])
        assert agrees(words[2], float(now[tap]), 3)
        assert agrees(words[3], float(then[tap]), 3)
        found.append(tap)
    assert np.diff(found) == pytest.approx([0.2 * 64, 0.3 * 64], abs=4)


def test_the_readout_names_the_tap_that_is_drawn_there(tab: Tab) -> None:
    tab.seek(4).opened_at(3)
    x, y, width, height = tab.plot(TAPS)
    tab.page.mouse.move(1, 1)
    picture = Picture.of(tab.page.screenshot(clip={"x": x, "y": y, "width": width, "height": height})).pixels
    rows, columns = (np.abs(picture - rotation_colour(1)).max(axis=2) < 40).nonzero()
    top = rows.min()
    tab.page.mouse.move(x + float(columns[rows <= top + 1].mean()) + 0.5, y + top + 0.5)
    assert tab.readout(TAPS) == f"tap {pulse_tap(0, 3, 4)}: 0.600 · epoch 0 0"


def test_the_readout_of_the_response_tells_decibels(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(4).opened_at(2)
    spectrum = np.abs(np.fft.rfft(written.weights("waves", 4)[2, 0], 512))
    decibels = np.maximum(20 * np.log10(spectrum / spectrum.max()), -40)
    x, y, width, height = tab.plot(RESPONSE)
    levels = []
    for share in (0.3, 0.6, 0.75, 0.8, 0.9):
        tab.page.mouse.move(x + share * width, y + height / 2)
        words = re.match(r"(\S+) Hz: (\S+) dB$", tab.readout(RESPONSE))
        assert words is not None, tab.readout(RESPONSE)
        near = round(number(words[1]) / (SAMPLE_RATE / 2) * 256)
        around = decibels[max(near - 1, 0) : near + 2]
        assert around.min() - 0.1 <= number(words[2]) <= around.max() + 0.1
        levels.append(number(words[2]))
    assert len(set(levels)) > 2


def test_the_heat_map_over_the_epochs_is_a_way_to_go_to_one(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(4).opened_at(2)
    x, y, width, height = tab.plot(LEARNED)
    tab.page.mouse.move(x + width / 2, y + 0.5 * height)
    words = re.match(r"epoch (\d+) · tap (\d+): (\S+)$", tab.readout(LEARNED))
    assert words is not None, tab.readout(LEARNED)
    epoch, tap = int(words[1]), int(words[2])
    moved = written.weights("waves", epoch) - written.weights("waves", 0)
    assert agrees(words[3], float(moved[2, 0, tap]), 3)
    tab.page.mouse.click(x + width / 2, y + 0.5 * height, button="right")  # which asks for the browser's menu
    tab.shows(4)
    tab.page.mouse.move(x + width / 2, y + 0.5 * height)
    tab.page.mouse.down()
    tab.page.mouse.up()
    tab.shows(epoch)


def test_a_tile_tells_its_filter_under_the_pointer(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(4)
    for row in (1, 4):
        tab.page.mouse.move(*tab.point(row))
        words = tab.view.locator(".tooltip").filter(has_text=f"filter {row}")
        words.wait_for()
        told = re.match(r"filter (\d+)\n.*\nrotation (\S+) ·.* norm (\S+) · peak", words.inner_text())
        assert told is not None, words.inner_text()
        expected = written.measures("waves", 4, row)
        assert agrees(told[2], expected["rotation"])
        assert agrees(told[3], expected["norm"])
    tab.page.mouse.move(1, 1)
    expect(tab.view.locator(".tooltip")).to_be_hidden()


def test_the_last_tick_is_whole_and_the_scale_of_change_is_named(look: Look, served: Served) -> None:
    tab = look(served.frame).loaded().choose("waves").seek(4)
    tab.opened_at(2)
    canvas = tab.get("detail").get_by_role("img", name="magnitude response")
    picture = Picture.of(canvas.screenshot()).pixels
    dark = picture.min(axis=2) < 150
    last = dark[-13:, -24:]  # "50" below the right end
    assert last.sum() > 10
    assert not last[:, -1].any()
    change = tab.get("detail").locator("figure").filter(has_text="log scale")
    change.scroll_into_view_if_needed()
    dark = Picture.of(change.locator("canvas").screenshot()).pixels[:, :38].min(axis=2) < 150
    lines = np.diff(dark.any(axis=1).astype(int)) == 1
    assert lines.sum() >= 2


def apart(one: Any, other: Any) -> bool:
    """Whether two boxes have nothing in common."""
    x, y, w, h = one
    return bool(
        other["x"] >= x + w - 0.5
        or other["x"] + other["width"] <= x + 0.5
        or other["y"] >= y + h - 0.5
        or other["y"] + other["height"] <= y + 0.5
    )


@pytest.mark.parametrize("width", [480, 1100, 1600])
def test_the_detail_lies_beside_the_tile_that_was_clicked_and_nothing_moves(
    look: Look, served: Served, width: int
) -> None:
    tab = look(served.frame, width=width, height=800, dark=width == 1100).loaded().choose_in_menu("noise")
    detail = tab.get("detail")
    tiles = tab.grid.get_attribute("data-tiles")
    sides = set()
    for row in (0, 7, 29, 38, 63):
        before = tab.box(row)
        tab.click(row)
        expect(detail).to_have_attribute("data-filter", str(row))
        assert tab.box(row) == before
        assert tab.grid.get_attribute("data-tiles") == tiles
        box = detail.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 150
        assert apart(before, box), (row, before, box)
        sides.add(detail.get_attribute("data-side"))
        accent = (0xFF, 0x9A, 0x3C) if width == 1100 else ACCENT
        edge = tab.tile(row).pixels
        assert (np.abs(edge[edge.shape[0] // 2, [0, -1]] - accent) < 40).all()
        tab.page.keyboard.press("Escape")
        expect(detail).to_be_hidden()
        assert tab.box(row) == before
        assert tab.grid.get_attribute("data-tiles") == tiles
    tab.click(0)
    for row in range(1, 20):
        tab.page.keyboard.press("ArrowDown")
        expect(detail).to_have_attribute("data-filter", str(row))
        box = detail.bounding_box()
        assert box is not None
        assert apart(tab.box(row), box), (row, box)
    assert sides == ({"left", "right"} if width == 1600 else {"top", "bottom"})


def test_a_sheet_is_resized_and_put_away(look: Look, served: Served) -> None:
    tab = look(served.frame, width=800, height=900).loaded().choose("noise")
    tab.opened_at(2)
    detail = tab.get("detail")
    grip = detail.get_by_role("separator")
    tiles = tab.grid.get_attribute("data-tiles")

    def height() -> float:
        box = detail.bounding_box()
        assert box is not None
        return box["height"]

    before = height()
    grip.focus()
    tab.page.keyboard.press("ArrowDown")
    tab.page.wait_for_function(
        "before => document.querySelector('[data-testid=detail]').clientHeight < before - 30", arg=before
    )
    assert height() == pytest.approx(before - 40, abs=1)
    assert tab.grid.get_attribute("data-tiles") == tiles
    box = grip.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x, y - 30)
    tab.page.wait_for_function(
        "before => document.querySelector('[data-testid=detail]').clientHeight > before - 15", arg=before
    )
    tab.page.mouse.move(x, 890, steps=4)
    tab.page.mouse.up()
    expect(detail).to_be_hidden()
    tab.opened_at(2)
    assert height() == pytest.approx(before, abs=1)


def test_the_plots_are_scrolled_by_keyboard(tab: Tab) -> None:
    tab.opened_at(3)
    body = tab.get("detail").get_by_role("group", name="Plots of the filter")
    body.focus()
    tab.page.keyboard.press("End")
    tab.page.wait_for_function("document.querySelector('.detail-body').scrollTop > 50")
    expect(tab.get("detail")).to_have_attribute("data-filter", "3")
    tab.shows(LAST)


@pytest.mark.parametrize("by", ["its button", "Escape"])
def test_closed_it_gives_the_focus_to_the_tiles(tab: Tab, by: str) -> None:
    tab.click(2)
    close = tab.get("detail").get_by_role("button", name="Close (Esc)")
    close.focus()
    tab.page.keyboard.press("Enter" if by == "its button" else "Escape")
    expect(tab.get("detail")).to_be_hidden()
    expect(tab.grid).to_be_focused()
