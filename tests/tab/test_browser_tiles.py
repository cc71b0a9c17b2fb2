"""Tiles of the Filters tab: their size, envelopes of more taps than pixels, logos of letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from playwright.sync_api import expect

from filterscope.filters import channels
from filterscope.plots.drawing import logo
from tests.support.blobs import by_hand, made
from tests.support.browser import LOADERS, Served, tensorboard, wait_for
from tests.support.synthetic import STEPS, Run
from tests.support.tab import Look, Tab, rotation_colour
from tests.support.tab_reading import DOWN, END, LARGE, UP, letters, long, model

pytest_plugins = ["tests.support.tab_fixtures"]

TAG = "filters/letters/bank"


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("tiled")
    run = Run(directory / "only", model(), END).add(range(END + 1))
    header, weights = by_hand(run.blobs[TAG][END * STEPS][0])[3:]
    odd = Run(directory / "odd", model()[:1], END).add(range(2))
    wrong = made(header | {"step": 2 * STEPS, "epoch": 2, "channel_names": ["A", "C"]}, weights)
    odd.add_bank(TAG, 2 * STEPS, [wrong], json.dumps(header).encode())
    odd.add(range(3, 4))
    with tensorboard(directory, LOADERS["fast"]) as running:
        for tag in run.blobs:
            running.wait_for_step("only", tag, END * STEPS)
        running.wait_for_step("odd", TAG, 3 * STEPS)
        yield running


def at(look: Look, served: Served, layer: str, more: str = "", **options: Any) -> Tab:
    tab = look(f"{served.frame}#p.filterscope.run=only&p.filterscope.tag=filters/{layer}/bank{more}", **options)
    return tab.loaded(END + 1).shows(END, layer)


def width_of(tab: Tab) -> float:
    return tab.box(tab.order[0])[2]


def middle(tab: Tab) -> int:
    """The filter whose tile is nearest to the middle of what is in sight."""
    scroller = tab.view.locator(".grid-scroller").bounding_box()
    assert scroller is not None
    half = scroller["y"] + scroller["height"] / 2
    x = scroller["x"] + scroller["width"] / 2

    def distance(number: int) -> float:
        left, top, w, h = tab.box(number)
        return abs(top + h / 2 - half) + 0.01 * abs(left + w / 2 - x)

    return min(tab.order, key=distance)


def resized(tab: Tab, before: float, press: str) -> float:
    tab.page.keyboard.press(press)
    tab.page.wait_for_function(
        "before => Math.abs(JSON.parse(document.querySelector('[data-testid=grid]').dataset.tiles)[0][3] - before) > 1",
        arg=before,
    )
    return width_of(tab)


@pytest.mark.parametrize(("width", "dark"), [(480, True), (1100, False), (1600, True)])
def test_tiles_are_larger_at_will(look: Look, tiled: Served, width: int, dark: bool) -> None:
    tab = at(look, tiled, "many", width=width, dark=dark)
    fit = width_of(tab)
    sizes: dict[str, float] = {}
    for size, name in (("s", "S"), ("m", "M"), ("l", "L"), ("xl", "XL")):
        tab.get("tile").select_option(label=name)
        tab.page.wait_for_url(f"**/*tile={size}*")
        expect(tab.get("tile")).to_have_value(size)
        tab.shows(END, "many")
        wait_for(lambda: width_of(tab) not in sizes.values(), "tiles of another size", 15)
        sizes[size] = width_of(tab)
    assert sorted(set(sizes.values())) == list(sizes.values())
    assert sizes["xl"] > 400
    tab.grid.focus()
    # What is not in sight is not drawn, and no canvas is larger than the window.
    assert tab.grid.evaluate("canvas => canvas.height") <= 1000
    smaller = resized(tab, sizes["xl"], "-")
    assert smaller == pytest.approx(sizes["l"], abs=1)
    assert resized(tab, smaller, "+") == pytest.approx(sizes["xl"], abs=1)
    assert resized(tab, sizes["xl"], "0") == pytest.approx(fit, abs=1)
    tab.page.wait_for_function("!location.hash.includes('tile=')")
    assert resized(tab, fit, "+") > fit


def test_what_was_in_the_middle_stays_there(look: Look, tiled: Served) -> None:
    tab = at(look, tiled, "many", "&p.filterscope.tile=l", width=1100)
    tab.view.locator(".grid-scroller").evaluate("one => { one.scrollTop = 900 }")
    expect(tab.grid).to_have_attribute("data-top", "900")
    kept = middle(tab)
    assert kept > 10
    size = width_of(tab)
    for key in ("+", "-"):
        size = resized(tab, size, key)
        _, top, _, height = tab.box(kept)
        scroller = tab.view.locator(".grid-scroller").bounding_box()
        assert scroller is not None
        assert top >= scroller["y"] - height / 2
        assert top + height <= scroller["y"] + scroller["height"] + height / 2
    # A click finds the tile that is seen there.
    tab.click(kept)
    expect(tab.get("detail")).to_have_attribute("data-filter", str(kept))


@pytest.mark.parametrize("dark", [False, True])
def test_more_taps_than_pixels_are_an_envelope(look: Look, tiled: Served, dark: bool) -> None:
    tab = at(look, tiled, "long", "&p.filterscope.tile=s&p.filterscope.compare=none", dark=dark)
    w = tab.box(LARGE)[2]
    assert w < 110
    pixels = tab.tile(LARGE).pixels
    face = np.array((0x0F, 0x11, 0x13) if dark else (255, 255, 255))
    plot = pixels[13:-3, 3:-3]
    marked = np.abs(plot - face).max(axis=2) > 40
    middle = plot.shape[0] / 2
    weights = long(END)[LARGE, 0]
    up, down = (round((tap + 0.5) / 1024 * plot.shape[1] - 0.5) for tap in (UP, DOWN))
    rows = [marked[:, column - 1 : column + 2].any(axis=1).nonzero()[0] for column in (up, down, 10)]
    # As far as the one large tap goes: a mean of the taps of a pixel would be next to nothing.
    unit = (middle - rows[0].min()) / weights[UP]
    assert rows[0].min() < 4
    assert (rows[1].max() - middle) / unit == pytest.approx(-weights[DOWN], rel=0.12)
    ripple = weights[20]
    assert (middle - rows[2].min()) / unit == pytest.approx(abs(ripple), rel=0.15)
    assert (rows[2].max() - middle) / unit == pytest.approx(abs(ripple), rel=0.15)
    # Full at the ends, paler between: an area with an outline.
    column = plot[:, 10]
    strength = np.abs(column - face).max(axis=1)
    end, between = strength[rows[2].min() : rows[2].min() + 3].max(), strength[round(middle) - 4]
    assert 0.3 * end < between < 0.8 * end


def colour_of(letter: str, dark: bool) -> np.ndarray:
    colour = 255 * np.array(to_rgb(logo.letter_colour(letter)))
    return colour + 0.3 * (255 - colour) if dark else colour


@pytest.mark.parametrize(("mode", "dark"), [("taps", False), ("change", False), ("taps", True)])
def test_letters_are_stacked_by_weight(look: Look, tiled: Served, mode: str, dark: bool) -> None:
    tab = at(look, tiled, "letters", f"&p.filterscope.mode={mode}", dark=dark)
    expect(tab.view.locator(".summary")).to_contain_text("letters by weight · strip: rotation · tile edge ±")
    weights = letters(END) - (letters(0) if mode == "change" else 0)
    shown = channels.reduce(weights, "logo")
    for filter_number in range(3):
        plot = tab.tile(filter_number).pixels[17:-5, 5:-5]
        height, width = plot.shape[:2]
        left = 2.5 * 4
        strip = np.abs(plot[:, 1] - rotation_colour(0 if filter_number else 0.72)).max(axis=1)
        assert (strip < 40).mean() > 0.9 or filter_number == 0
        limit = float(logo.fair_limit(logo.stack_heights(shown)))
        for tap in (2, 4, 6):
            slot = (width - left) / 9
            columns = plot[:, round(left + tap * slot + 1) : round(left + (tap + 1) * slot - 1)]
            stack = float(logo.stack_heights(shown)[filter_number, 0, tap])
            scale = 0.49 * height / max(limit, stack)
            for letter, name in enumerate("ACGT"):
                rows = (np.abs(columns - colour_of(name, dark)).max(axis=2) < 12).any(axis=1).nonzero()[0]
                expected = abs(shown[filter_number, letter, tap]) * scale
                if expected < 8:
                    continue
                assert rows.size, (filter_number, tap, name)
                assert np.ptp(rows) + 1 == pytest.approx(expected, abs=6)
                assert (rows.mean() < height / 2) == (shown[filter_number, letter, tap] > 0)


def test_letters_have_no_frequencies_and_small_tiles_show_cells(look: Look, tiled: Served) -> None:
    tab = at(look, tiled, "letters", "&p.filterscope.mode=response&p.filterscope.tile=s")
    expect(tab.grid).to_have_attribute("data-mode", "taps")
    expect(tab.get("mode-response")).to_be_disabled()
    expect(tab.get("mode-response")).to_have_attribute("title", "Letters have no frequencies")
    assert [one.get_attribute("value") for one in tab.get("sort").locator("option:disabled").all()] == ["peak"]
    expect(tab.get("channels").locator("option[value=logo]")).to_have_attribute("value", "logo")
    tab.get("tile").select_option("l")
    expect(tab.view.locator(".summary")).to_contain_text("letters by weight")
    tab.get("channels").select_option("all")
    expect(tab.view.locator(".summary")).to_contain_text("A, C, G, T ↓ · taps →")
    tab.get("channels").select_option("logo")
    expect(tab.view.locator(".summary")).to_contain_text("letters by weight")
    tab.page.set_viewport_size({"width": 480, "height": 700})
    tab.get("tile").select_option("s")
    expect(tab.view.locator(".summary")).to_contain_text("A, C, G, T ↓ · taps → · less their mean · larger tiles (+)")
    plot = tab.tile(1).pixels[14:-5, 5:-5]
    redness = plot[..., 0] - plot[..., 2]
    rows, columns = (redness > 0.9 * redness.max()).nonzero()
    assert int(rows.mean() / plot.shape[0] * 4) == 3  # T
    assert int(columns.mean() / plot.shape[1] * 9) == 4
    tab.choose_in_menu("named").shows(END, "named")
    assert tab.get("channels").locator("option[value=logo]").get_attribute("hidden") is not None
    expect(tab.get("mode-response")).to_be_enabled()


def test_names_that_do_not_fit_are_told(look: Look, tiled: Served) -> None:
    tab = look(f"{tiled.frame}#p.filterscope.run=odd")
    tab.shows(3, "letters")
    expect(tab.get("problem")).to_contain_text("names 2 channels of 4")
