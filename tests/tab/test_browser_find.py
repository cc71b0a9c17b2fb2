"""The Filters tab in a real browser: finding filters by number, state, peak frequency, and how they moved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from filterscope.filters import metrics
from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import LAST, SAMPLE_RATE, Look, Picture, Tab, Written

pytest_plugins = ["tests.support.tab_fixtures"]


def found(tab: Tab, text: str | None = None) -> int:
    """How many it says it found, once it has taken in a search."""
    if text is not None:
        tab.get("search").fill(text)
    count = tab.get("found")
    expect(count).to_have_text(re.compile(r"^\d+ of \d+$"))
    return int(count.inner_text().split()[0])


def lit(tab: Tab) -> list[int]:
    """Numbers of the tiles that do not recede: of the others, the edge is nearly gone."""
    tab.page.mouse.move(1, 1)
    picture = Picture.of(tab.page.screenshot()).pixels
    edges = {}
    for number in tab.order:
        x, y, _, h = tab.box(number)
        edges[number] = picture[round(y + h / 2), round(x) : round(x) + 2].max(axis=1).min()
    return sorted(number for number, edge in edges.items() if edge < 0xEE)


def turned(written: Written, layer: str, epoch: int = LAST) -> np.ndarray:
    return metrics.rotation(written.weights(layer, epoch), written.weights(layer, 0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 40-44", [12, 40, 41, 42, 43, 44]),
        ("#7, 62-99;  nonsense", [7, 62, 63]),
        ("Dead", [3]),
        ("dead 5", [3, 5]),
        ("nan", []),
        ("64", []),
    ],
)
def test_numbers_ranges_and_states_are_found(tab: Tab, text: str, expected: list[int]) -> None:
    tab.choose("noise").seek(LAST)
    assert found(tab, text) == len(expected)
    expect(tab.get("found")).to_have_text(f"{len(expected)} of 64")
    assert lit(tab) == (expected or list(range(64)))


def test_what_is_dead_is_told_at_the_shown_moment(tab: Tab) -> None:
    tab.choose("noise").seek(2)
    assert found(tab, "dead") == 0
    tab.seek(LAST)
    expect(tab.get("found")).to_have_text("1 of 64")
    assert lit(tab) == [3]


def test_the_open_filter_stays_lit(tab: Tab) -> None:
    tab.choose("noise").seek(LAST).opened_at(20)
    before = tab.tile(20).pixels
    assert found(tab, "dead 5") == 2
    assert np.array_equal(tab.tile(20).pixels, before)
    tab.page.mouse.click(*tab.point(21))
    expect(tab.get("detail")).to_have_attribute("data-filter", "21")
    assert not np.array_equal(tab.tile(20).pixels[20:-8, 8:-8], before[20:-8, 8:-8])


def test_enter_goes_from_one_to_the_next_and_back(tab: Tab) -> None:
    tab.choose("noise")
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("40-41 7")
    expect(tab.get("found")).to_have_text("3 of 64")
    for key, number in [("Enter", 7), ("Enter", 40), ("Enter", 41), ("Enter", 7), ("Shift+Enter", 41)]:
        tab.page.keyboard.press(key)
        expect(tab.get("detail")).to_have_attribute("data-filter", str(number))
    expect(tab.get("search")).to_be_focused()
    tab.page.keyboard.press("Escape")
    expect(tab.get("search")).to_have_value("")
    expect(tab.get("found")).to_have_text("")
    assert tab.page.evaluate("document.activeElement.dataset.testid") == "grid"


def test_the_most_moved_are_those_that_turned_furthest(tab: Tab, written: Written) -> None:
    tab.choose("noise").loaded().seek(1)
    chip = tab.get("chip-moved")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(tab.get("found")).to_have_text("7 of 64")
    expected = np.argsort(-turned(written, "noise"), kind="stable")[:7]
    assert lit(tab) == sorted(expected.tolist())
    expect(tab.get("search")).to_have_value("moved")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    expect(tab.get("found")).to_have_text("")
    assert lit(tab) == list(range(64))


def test_a_range_of_peak_frequencies(tab: Tab, written: Written) -> None:
    tab.choose("waves").loaded().seek(3)
    spectrum = np.abs(np.fft.rfft(written.weights("waves", LAST)[:, 0], 512))
    peaks = spectrum.argmax(axis=1) / 512 * SAMPLE_RATE
    chip = tab.get("chip-peak")
    expect(chip).to_have_attribute("title", re.compile("in Hz"))
    chip.focus()
    tab.page.keyboard.press("Enter")
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(tab.get("search")).to_be_focused()
    # The middle half, whose ends are there to be written over.
    low, high = map(float, tab.get("search").input_value().removeprefix("peak ").split("-"))
    assert (low, high) == pytest.approx(np.quantile(peaks, [0.25, 0.75]), rel=0.05)
    for low, high in [(0, 21), (20, 33.5)]:
        tab.get("search").press("Control+a")
        tab.page.keyboard.type(f"peak {low}-{high}")
        inside = [n for n in range(6) if low <= peaks[n] <= high]
        assert 0 < len(inside) < 6
        expect(tab.get("found")).to_have_text(f"{len(inside)} of 6")
        assert lit(tab) == inside
    chip.click()
    expect(tab.get("search")).to_have_value("")


@pytest.mark.parametrize(
    "text",
    [
        "20-33.5",
        "33.5-20 Hz",
        "20 Hz - 33.5 Hz",
        "20hz to 33.5hz",
        "0.02-0.0335 kHz",
        "0.02-0.0335k",
        "0.02 kHz–33.5 Hz",
        "20-0.0335k",
        "0.02k..0.0335k",
    ],
)
def test_ranges_of_frequencies_have_units_on_either_end(tab: Tab, written: Written, text: str) -> None:
    tab.choose("waves").loaded()
    spectrum = np.abs(np.fft.rfft(written.weights("waves", LAST)[:, 0], 512))
    peaks = spectrum.argmax(axis=1) / 512 * SAMPLE_RATE
    inside = [n for n in range(6) if 20 <= peaks[n] <= 33.5]
    assert found(tab, f"peak {text}") == len(inside)
    assert lit(tab) == inside


def test_a_link_keeps_the_search(tab: Tab, look: Look) -> None:
    tab.choose("noise")
    assert found(tab, "dead 12 peak 0.1k-0.2k") == 2
    tab.page.wait_for_url("**find=*")
    link = tab.page.url
    elsewhere = look(link).shows(LAST, "noise")
    expect(elsewhere.get("search")).to_have_value("dead 12 peak 0.1k-0.2k")
    expect(elsewhere.get("found")).to_have_text("2 of 64")
    expect(elsewhere.get("chip-peak")).to_have_attribute("aria-pressed", "true")


#: Epoch at which each filter of ``late`` turns, and those that die.
TURNS = (2, 5, 3, 1, 6, 2, 4, 1, 3, 2)
DIES = {1: 4, 8: 6}


def late(epoch: int) -> np.ndarray:
    result = np.zeros((10, 1, 9))
    for number, turn in enumerate(TURNS):
        result[number, 0, 2 if epoch < turn else 6] = 1e-6 if epoch >= DIES.get(number, 99) else 1
    return result


def broken(epoch: int) -> np.ndarray:
    result = late(epoch)
    if epoch:
        result[4, 0, 1] = np.nan
    return result


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Filters that turn one after the other, some that die, one that breaks, and letters."""
    directory: Path = tmp_path_factory.mktemp("story")
    letters = Known("dna", lambda epoch: late(epoch).repeat(4, axis=1), fields={"channel_names": tuple("ACGT")})
    layers = [Known("late", late), Known("broken", broken), letters]
    Run(directory / "only", layers, 8).add(range(9))
    with tensorboard(directory, LOADERS["fast"]) as running:
        running.wait_for_step("only", "filters/dna/bank", 8 * STEPS)  # the last of each epoch
        yield running


def test_the_latest_to_move_and_those_that_died(look: Look, story: Served) -> None:
    tab = look(f"{story.frame}#p.filterscope.tag=filters/late/bank").loaded(9).shows(8, "late")
    for word, expected in [("late", [4]), ("died", [1, 8])]:
        tab.get(f"chip-{word}").focus()
        tab.page.keyboard.press("Space")
        expect(tab.get("found")).to_have_text(f"{len(expected)} of 10")
        assert lit(tab) == expected
        tab.page.keyboard.press("Space")
        expect(tab.get("found")).to_have_text("")
    for word in ("late", "died"):
        tab.get(f"chip-{word}").click()
    expect(tab.get("found")).to_have_text("3 of 10")
    expect(tab.get("search")).to_have_value("late died")
    tab.get("chip-late").click()
    expect(tab.get("search")).to_have_value("died")
    assert lit(tab) == [1, 8]


def test_what_is_no_number_is_found_and_letters_have_no_peaks(look: Look, story: Served) -> None:
    tab = look(f"{story.frame}#p.filterscope.tag=filters/broken/bank").loaded(9).shows(8, "broken")
    assert found(tab, "NaN") == 1
    tab.page.keyboard.press("Enter")
    expect(tab.get("detail")).to_have_attribute("data-filter", "4")
    expect(tab.get("chip-peak")).to_be_visible()
    tab.choose("dna")
    expect(tab.get("chip-peak")).to_be_hidden()


def test_the_search_and_its_chips_tell_what_they_are(tab: Tab) -> None:
    group = tab.view.get_by_role("search").get_by_role("group", name="Find filters that")
    for name, meaning in [
        ("most moved", "turned furthest"),
        ("latest to move", "half of their final rotation last"),
        ("died", "alive at some loaded snapshot"),
    ]:
        chip = group.get_by_role("button", name=name, pressed=False)
        expect(chip).to_have_accessible_description(re.compile(meaning))
    expect(tab.view.get_by_role("search").get_by_role("status")).to_have_text("")
    assert found(tab, "1") == 1
