"""The Filters tab explains itself: words, keys and meanings, ranges of responses, what the pointer is on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from filterscope.filters import metrics, spectrum
from filterscope.filters.bank import FilterBank
from tests.support.arrays import normal
from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import Look, Picture, Tab, agrees, number, rotation_colour
from tests.support.tab_reading import END, NAMES, RATE, STRIDE, cells, letters, model, strided

pytest_plugins = ["tests.support.tab_fixtures"]

GREY = {False: (0x56, 0x60, 0x70), True: (0xA3, 0xAB, 0xB6)}


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("reading")
    run = Run(directory / "only", model(), END).add(range(END + 1))
    with tensorboard(directory, LOADERS["fast"]) as running:
        for tag in run.blobs:
            running.wait_for_step("only", tag, END * STEPS)
        yield running


def at(look: Look, served: Served, layer: str, **options: Any) -> Tab:
    tab = look(f"{served.frame}#p.filterscope.tag={f'filters/{layer}/bank'}", **options)
    return tab.loaded(END + 1).shows(END, layer)


def inside(tab: Tab, element: Locator) -> bool:
    """Whether all of an element is in the window."""
    box, size = element.bounding_box(), tab.page.viewport_size
    assert box is not None
    assert size is not None
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return min(box["x"], box["y"]) >= 0 and right <= size["width"] and bottom <= size["height"]


def description(tab: Tab) -> str:
    """What a screen reader is told beside the name of what has the focus."""
    nodes = tab.page.context.new_cdp_session(tab.page).send("Accessibility.getFullAXTree")["nodes"]
    focused = [
        node
        for node in nodes
        if any(each["name"] == "focused" and each["value"].get("value") for each in node.get("properties", []))
        and node["role"]["value"] == "button"
    ]
    return str(focused[0].get("description", {}).get("value", "")) if focused else ""


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (480, True)])
def test_words_explain_themselves(look: Look, reading: Served, width: int, dark: bool) -> None:
    tab = at(look, reading, "strided", width=width, dark=dark)
    meaning = tab.view.get_by_role("tooltip")
    terms = tab.get("term", ":visible")
    words = terms.evaluate_all("all => all.map(each => each.dataset.term)")
    assert {"rotation", "pale", "tile edge"} <= set(words)
    for place in range(len(words)):
        terms.nth(place).focus()
        expect(meaning).to_be_visible()
        told = meaning.inner_text()
        assert len(told) > 40
        assert description(tab) == told
        assert inside(tab, meaning)
    tab.get("term", '[data-term="rotation"]:visible').hover()
    expect(meaning).to_contain_text("cosine")
    tab.page.mouse.move(1, 1)
    expect(meaning).to_be_hidden()
    # Escape closes what explains the word, and nothing else.
    tab.page.keyboard.press("ArrowDown")
    expect(tab.get("detail")).to_be_visible()
    tab.get("term", '[data-term="tile edge"]:visible').focus()
    expect(meaning).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()
    expect(tab.get("detail")).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(tab.get("detail")).to_be_hidden()


def test_a_word_keeps_the_focus_while_numbers_change(look: Look, reading: Served) -> None:
    tab = at(look, reading, "strided")
    term = tab.get("term", '[data-term="pale"]')
    term.focus()
    for epoch in (END - 1, END - 2):
        tab.page.keyboard.press("ArrowLeft")
        tab.shows(epoch)
        expect(term).to_be_focused()


_LISTED = """() => import(new URL("keys.js", document.querySelector("link[href*='page/style']").href))
    .then(({KEYS}) => KEYS.map(({words, keys}) => [words, Object.keys(keys).length]))"""


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (1100, True), (480, True), (480, False)])
def test_the_page_of_keys_and_meanings(look: Look, reading: Served, width: int, dark: bool) -> None:
    tab = at(look, reading, "strided", width=width, dark=dark)
    help_page = tab.get("help")
    tab.get("help-button", ":visible").click()
    expect(help_page).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(help_page).to_be_hidden()
    expect(tab.get("help-button", ":visible")).to_be_focused()
    tab.grid.focus()
    tab.page.keyboard.press("?")
    expect(tab.view.get_by_role("dialog", name="Keys and meanings")).to_be_visible()
    assert inside(tab, help_page)
    # Its keys are those that are listened to.
    rows = help_page.locator(".help-keys > div")
    listed = [[row.locator("dd").inner_text(), row.locator("kbd").count()] for row in rows.all()]
    assert listed == tab.page.evaluate(_LISTED)
    assert ["larger tiles", 2] in listed
    for word in ("rotation", "pale", "dead", "stride folds", "principal shape", "cycles/sample"):
        expect(help_page.locator(".help-words dt", has_text=re.compile(f"^{word}$"))).to_have_count(1)
    swatches = help_page.locator(".help-swatch").evaluate_all("all => all.map(one => getComputedStyle(one).background)")
    assert len(swatches) == 5
    for rotation, swatch in zip((0, 0.1, 0.5, 1, 2), swatches, strict=True):
        shown = [int(part) for part in re.findall(r"\d+", swatch)[:3]]
        np.testing.assert_allclose(shown, rotation_colour(rotation), atol=3)
    assert help_page.locator(".sketch").count() == 4
    # The focus stays in it, and its keys are not the tab's.
    for key in ("Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"):
        tab.page.keyboard.press(key)
        assert tab.page.evaluate("document.activeElement.closest('dialog') !== null")
    tab.page.keyboard.press("2")
    tab.page.keyboard.press("Home")
    assert help_page.evaluate("one => one.querySelector('.help-body').scrollWidth <= one.clientWidth")
    tab.page.keyboard.press("Escape")
    expect(help_page).to_be_hidden()
    expect(tab.grid).to_be_focused()
    expect(tab.grid).to_have_attribute("data-mode", "taps")
    expect(tab.grid).to_have_attribute("data-epoch", str(END))


def test_the_overview_explains_its_words_too(look: Look, reading: Served) -> None:
    tab = look(reading.frame, overview=True)
    expect(tab.get("overview")).to_be_visible()
    tab.get("term", '[data-term="change"]:visible').first.focus()
    expect(tab.view.get_by_role("tooltip")).to_contain_text("since the snapshot before")
    tab.page.keyboard.press("Escape")
    tab.view.locator('.overview-names [data-term="rotation"]').hover()
    expect(tab.view.get_by_role("tooltip")).to_contain_text("How far a filter has turned")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("?")
    expect(tab.get("help")).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(tab.get("overview")).to_be_visible()


def test_bounds_of_frequencies_are_not_rounded_beyond_them(look: Look, tmp_path: Path) -> None:
    eeg = Known("eeg", lambda epoch: normal(4, 1, 16, seed=epoch), fields={"sample_rate": 125.0, "stride": 2})
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        Run(tmp_path / "only", [eeg], 1).add(range(2))
        served.wait_for_step("only", "filters/eeg/bank", STEPS)
        tab = look(f"{served.frame}#p.filterscope.mode=response").shows(1, "eeg")
        expect(tab.view.locator(".summary")).to_contain_text("0 to 62.5 Hz · 0 to −40 dB")
        expect(tab.view.locator(".summary")).to_contain_text("stride folds at 31.25 Hz")


@pytest.mark.parametrize("dark", [False, True])
def test_responses_tell_their_range_and_mark_where_the_stride_folds(look: Look, reading: Served, dark: bool) -> None:
    tab = at(look, reading, "strided", dark=dark)
    tab.get("mode-response").click()
    summary = tab.view.locator(".summary")
    expect(summary).to_contain_text("0 to 4 kHz · 0 to −40 dB · dashed: stride folds at 1 kHz · pale: epoch 0")
    for filter_number in (0, 5):
        grey = tab.tile(filter_number).mask(GREY[dark], 30)
        columns = (grey.sum(axis=0) > 0.35 * grey.shape[0]).nonzero()[0]
        assert columns.size
        shares = (columns + 0.5) / grey.shape[1]
        assert shares == pytest.approx([1 / STRIDE] * columns.size, abs=0.012)
        assert grey[:, columns].sum() < 0.75 * grey.shape[0] * columns.size  # dashed
    tab.choose("long").shows(END, "long")
    expect(summary).to_contain_text("0 to 0.5 cycles/sample · 0 to −40 dB · pale")
    grey = tab.tile(0).mask(GREY[dark], 30)
    assert not (grey.sum(axis=0) > 0.35 * grey.shape[0]).any()
    tab.choose("many").shows(END, "many")
    expect(summary).to_contain_text("0 to 0.25 cycles/sample · 0 to −40 dB · dilation 2: repeats above · pale")


def test_of_complex_filters_both_places_where_the_stride_folds_are_marked_in_every_plot(
    look: Look, reading: Served
) -> None:
    tab = at(look, reading, "twisted")
    tab.get("mode-response").click()
    expect(tab.view.locator(".summary")).to_contain_text("−4 to 4 kHz · 0 to −40 dB · dashed: stride folds at ±1 kHz")
    above = Picture.of(tab.get("passes").get_by_role("img").screenshot()).pixels
    tab.opened_at(0)
    tab.page.mouse.move(1, 1)
    own = Picture.of(tab.get("detail").get_by_role("img", name="magnitude response").screenshot()).pixels
    for picture in (above, own):
        drawn = picture[6:-20, 44:-10]
        grey = (np.abs(drawn - GREY[False]).max(axis=2) <= 30).mean(axis=0)
        columns = (grey > 0.35).nonzero()[0]
        for share in (3 / 8, 5 / 8):  # -1 and 1 of -4 to 4 kHz
            assert np.abs((columns + 0.5) / drawn.shape[1] - share).min() < 0.012, share


def test_the_sort_menu_says_what_comes_first(look: Look, reading: Served) -> None:
    tab = at(look, reading, "strided")
    words = tab.get("sort").locator("option").all_inner_texts()
    assert {"number", "most rotated first", "largest norm first", "peak frequency, low to high"} <= set(words)


def told(tab: Tab, filter_number: int, across: float, down: float = 0.5) -> list[str]:
    """The lines of the tooltip with the pointer at a share of a tile's drawing."""
    x, y, w, h = tab.box(filter_number)
    tab.page.mouse.move(x + 5 + across * (w - 10), y + 17 + down * (h - 22))
    expect(tab.get("tooltip")).to_contain_text(f"filter {filter_number}")
    return tab.get("tooltip").inner_text().splitlines()


def test_the_pointer_on_a_curve(look: Look, reading: Served) -> None:
    tab = at(look, reading, "strided").seek(2)
    now, first = strided(2), strided(0)
    for filter_number, tap in ((1, 20), (4, 40)):
        _, value, more = told(tab, filter_number, (tap + 0.5) / 64)
        found = re.match(rf"tap {tap}: (\S+) · epoch 0: (\S+)$", value)
        assert found is not None, value
        assert agrees(found[1], now[filter_number, 0, tap])
        assert agrees(found[2], first[filter_number, 0, tap])
        bank = FilterBank("a", now, sample_rate=RATE, stride=STRIDE)
        wanted = {
            "rotation": metrics.rotation(now, first)[filter_number],
            "change": np.linalg.norm(now - strided(1), axis=(1, 2))[filter_number]
            / np.linalg.norm(strided(1), axis=(1, 2))[filter_number],
            "norm": metrics.norms(now)[filter_number],
        }
        told_of = dict(part.split(" ", 1) for part in more.split(" · "))
        for name, expected in wanted.items():
            assert number(told_of[name]) == pytest.approx(expected, rel=0.03), name
        peak = spectrum.peak_frequency(bank)[filter_number]
        size = number(told_of["peak"]) * (1000 if told_of["peak"].endswith("kHz") else 1)
        assert size == pytest.approx(peak, rel=0.01)
    tab.get("mode-change").click()
    found = re.match(r"tap 30: difference (\S+)$", told(tab, 2, 30.5 / 64)[1])
    assert found is not None
    assert agrees(found[1], float((now - first)[2, 0, 30]))
    tab.get("mode-response").click()
    bins = 128
    words = told(tab, 3, 60.5 / (bins + 1))[1]
    found = re.match(r"(\S+) kHz: (\S+) dB · epoch 0: (\S+) dB$", words)
    assert found is not None, words
    assert number(found[1]) * 1000 == pytest.approx(60 / bins * RATE / 2, rel=0.01)
    levels = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(now[3, 0], 2 * bins)), 1e-12))
    level = max(levels[60] - levels.max(), -40)
    assert number(found[2]) == pytest.approx(level, abs=0.6)


def test_the_pointer_on_cells_letters_and_moments(look: Look, reading: Served) -> None:
    tab = at(look, reading, "named").seek(3)
    for channel, tap in ((0, 1), (2, 7)):
        value = told(tab, 1, (tap + 0.5) / 9, (channel + 0.5) / 3)[1]
        assert value.startswith(f"{NAMES[channel]} · tap {tap}: ")
        assert agrees(value.split(": ")[1], cells(3)[1, channel, tap])
    tab.choose("letters").shows(3, "letters")
    weights = letters(3)[0]
    values = dict(zip("ACGT", (weights - weights.mean(axis=0))[:, 2], strict=True))
    words = re.match(r"tap 2: (.*)$", told(tab, 0, 2.5 / 9)[1])
    assert words is not None
    shown = [part.split(" ") for part in words[1].split(", ")]
    assert shown[0][0] == "A"
    assert len(shown) == 4
    assert all(agrees(value, values[letter]) for letter, value in shown)
    assert "peak" not in told(tab, 0, 2.5 / 9)[2]  # letters have no frequencies
    tab.choose("strided").shows(3, "strided")
    tab.get("mode-evolution").click()
    value = told(tab, 1, 20.5 / 64, (2 + 0.5) / (END + 1))[1]
    found = re.match(r"epoch 2 · tap 20: difference (\S+)$", value)
    assert found is not None, value
    assert agrees(found[1], float((strided(2) - strided(0))[1, 0, 20]))


@pytest.mark.parametrize("width", [480, 1100, 1600])
def test_a_tooltip_is_never_in_the_way(look: Look, reading: Served, width: int) -> None:
    tab = at(look, reading, "many", width=width)
    tip = tab.get("tooltip")
    told(tab, 2, 0.5)
    tab.click(2)
    expect(tab.get("detail")).to_have_attribute("data-filter", "2")
    expect(tip).to_be_hidden()
    x, y = tab.point(2)
    tab.page.mouse.move(x + 2, y + 2)
    expect(tab.get("detail")).to_have_attribute("data-filter", "2")
    expect(tip).to_be_hidden()
    if width > 480:  # there the detail leaves no tile in sight
        told(tab, 9, 0.9)
        over, detail = tip.bounding_box(), tab.get("detail").bounding_box()
        assert over is not None
        assert detail is not None
        apart = over["x"] + over["width"] <= detail["x"] or over["y"] + over["height"] <= detail["y"]
        assert apart or over["x"] >= detail["x"] + detail["width"] or over["y"] >= detail["y"] + detail["height"]
        told(tab, 2, 0.5)  # back from another one
    tab.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(tab.get("detail")).to_be_hidden()
    tab.get("tile").select_option("l")
    expect(tab.grid).not_to_have_attribute("data-tiles", "")
    tab.page.keyboard.press("0")
    tab.page.keyboard.press("+")
    tab.page.keyboard.press("+")
    first = tab.order[0]
    tab.view.locator(".grid-scroller").evaluate("one => { one.scrollTop = 0 }")
    expect(tab.grid).to_have_attribute("data-top", "0")
    told(tab, first, 0.4)
    tab.page.mouse.wheel(0, 60)
    expect(tab.grid).not_to_have_attribute("data-top", "0")
    expect(tip).to_be_hidden()
    tab.page.mouse.move(1, 1)
    expect(tip).to_be_hidden()
