"""The Filters tab in a real browser: scrubbing, playing, what each mode draws, sorting, searching, comparing."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from filterscope.filters import metrics
from tests.support.browser import Served
from tests.support.tab import (
    ACCENT,
    GHOST,
    HEAD,
    LAST,
    PAD,
    SAMPLE_RATE,
    Look,
    Picture,
    Tab,
    Written,
    cell,
    pulse_tap,
    rotation_colour,
)

pytest_plugins = ["tests.support.tab_fixtures"]

GREY, RED = rotation_colour(0), rotation_colour(1)
#: Of a filter that is compared with nothing, in light mode.
PLAIN = (0x2F, 0x6D, 0xB3)


def upside_down(picture: Picture) -> Picture:
    pixels = picture.pixels.copy()
    pixels[HEAD:-PAD] = pixels[HEAD:-PAD][::-1]
    return Picture(pixels)


def drift_order(written: Written, epoch: int, layer: str = "waves") -> list[int]:
    rotation = metrics.rotation(written.weights(layer, epoch), written.weights(layer, 0))
    assert len(set(np.round(rotation, 4))) == len(rotation)
    return [int(number) for number in np.argsort(-rotation)]


def test_the_slider_moves_every_pulse_to_its_tap(tab: Tab) -> None:
    for epoch in (LAST, 3, 8, 1):
        tab.seek(epoch)
        expect(tab.grid).to_have_attribute("data-step", str(5 * epoch))
        expect(tab.get("epoch-label")).to_contain_text(f"epoch {epoch}")
        for number in (1, 4, 7):
            assert tab.tile(number).peak_tap(RED) == pulse_tap(0, number, epoch)


def test_a_filter_has_the_colour_of_its_rotation(tab: Tab, written: Written) -> None:
    tab.seek(5)
    still, moved = tab.tile(0), tab.tile(3)
    assert still.peak_tap(GREY) == pulse_tap(0, 0, 5)
    assert (still.count(RED, 60), moved.count(RED) > 30) == (0, True)
    tab.seek(0)
    assert tab.tile(3).count(RED, 60) == 0
    assert tab.tile(3).peak_tap(GREY) == pulse_tap(0, 3, 0)
    tab.choose("waves").seek(1)
    rotation = metrics.rotation(written.weights("waves", 1), written.weights("waves", 0))
    between = [number for number in range(6) if 0.02 < rotation[number] < 0.4]
    assert between
    for number in between:
        assert tab.tile(number).count(rotation_colour(rotation[number]), 12) > 100


def test_keys_step_through_the_epochs(tab: Tab) -> None:
    for key, epoch in [("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)]:
        tab.page.keyboard.press(key)
        tab.shows(epoch)
    assert tab.tile(2).peak_tap(RED) == pulse_tap(0, 2, 1)
    for key, epoch in [("PageDown", 11), ("End", LAST), ("ArrowRight", LAST), ("PageUp", 2)]:
        tab.page.keyboard.press(key)
        tab.shows(epoch)
    tab.get("scrubber").focus()
    for key, epoch in [("ArrowRight", 3), ("Home", 0), ("End", LAST), ("ArrowLeft", 11)]:
        tab.page.keyboard.press(key)
        tab.shows(epoch)


_RECORD = """
canvas => {
    window.seen = [];
    const note = () => window.seen.push([Number(canvas.dataset.epoch), performance.now()]);
    new MutationObserver(note).observe(canvas, {attributes: true, attributeFilter: ["data-epoch"]});
}
"""


def test_playing_goes_by_itself_to_the_last_epoch_and_stops(tab: Tab) -> None:
    tab.grid.evaluate(_RECORD)
    seconds = {}
    for speed in ("1", "4"):
        tab.get("speed").select_option(speed)
        tab.seek(0)
        tab.page.evaluate("window.seen = []")
        tab.get("play").click()
        tab.shows(LAST)
        expect(tab.get("play")).to_have_accessible_name("Play")
        moments: dict[int, float] = {}
        for epoch, moment in tab.page.evaluate("window.seen"):
            moments.setdefault(epoch, moment / 1000)
        assert list(moments) == sorted(moments)
        assert len(moments) > (LAST / 2 if speed == "1" else 3)
        seconds[speed] = moments[LAST] - min(moments.values())
    # Ten epochs a second, the first of which is not counted; a busy machine is slower, never faster.
    assert seconds["1"] > (LAST - 2) / 10
    assert seconds["4"] < 0.75 * seconds["1"]


def test_the_space_bar_plays_and_pauses(tab: Tab) -> None:
    tab.get("speed").select_option("0.5")
    tab.page.keyboard.press("Home")
    tab.grid.focus()
    tab.page.keyboard.press("Space")
    expect(tab.get("play")).to_have_accessible_name("Pause")
    tab.page.wait_for_function("document.querySelector('[data-testid=grid]').dataset.epoch >= 2")
    tab.page.keyboard.press("Space")
    expect(tab.get("play")).to_have_accessible_name("Play")
    stopped = tab.epoch
    assert 2 <= stopped < LAST
    tab.grid.evaluate(_RECORD)
    # Two snapshots' time at this speed.
    tab.page.evaluate(
        "new Promise(done => { const end = performance.now() + 450; "
        "(function next() { performance.now() > end ? done() : requestAnimationFrame(next) })() })"
    )
    assert tab.page.evaluate("window.seen") == []
    tab.get("play").click()
    tab.shows(LAST)


def test_modes_draw_what_they_say(tab: Tab) -> None:
    tab.seek(6)
    pictures = {}
    for key, mode in enumerate(("taps", "change", "response", "evolution"), 1):
        tab.get(f"mode-{mode}").click()
        expect(tab.grid).to_have_attribute("data-mode", mode)
        expect(tab.get(f"mode-{mode}")).to_have_attribute("aria-pressed", "true")
        pictures[mode] = tab.tile(2)
        tab.page.keyboard.press(str(key % 4 + 1))
        expect(tab.grid).not_to_have_attribute("data-mode", mode)
    assert len({picture.pixels.tobytes() for picture in pictures.values()}) == 4
    assert pictures["change"].peak_tap(RED) == pulse_tap(0, 2, 6)
    assert upside_down(pictures["change"]).peak_tap(RED) == pulse_tap(0, 2, 0)  # what was there is gone
    # An impulse has a flat response: one line at 0 dB.
    rows = pictures["response"].mask(RED, 40).nonzero()[0]
    assert np.ptp(rows) <= 4
    assert rows.max() < 0.15 * pictures["response"].plot.shape[0]


def test_the_response_peaks_at_the_frequency_of_a_sinusoid(tab: Tab, written: Written) -> None:
    tab.choose("waves")
    tab.get("mode-response").click()
    for epoch in (0, LAST):
        tab.seek(epoch)
        weights = written.weights("waves", epoch)[:, 0]
        rotation = metrics.rotation(weights[:, None], written.weights("waves", 0))
        for number in range(6):
            spectrum = np.abs(np.fft.rfft(weights[number], 4096))
            peak = np.argmax(spectrum) / 4096 * SAMPLE_RATE
            share, _ = tab.tile(number).peak(rotation_colour(rotation[number]), 24)
            assert share * SAMPLE_RATE / 2 == pytest.approx(peak, abs=1)


def test_epochs_by_taps_holds_every_epoch_and_marks_the_shown_one(tab: Tab) -> None:
    tab.get("mode-evolution").click()
    expect(tab.grid).to_have_attribute("data-mode", "evolution")
    for shown in (9, 4):
        tab.seek(shown)
        plot = tab.tile(7).plot
        height = plot.shape[0] / (LAST + 1)
        for epoch in range(1, LAST + 1):
            line = plot[round((epoch + 0.25) * height), 2:-2]
            for colour, tap in (((0x67, 0, 0x1F), pulse_tap(0, 7, epoch)), ((5, 0x30, 0x61), pulse_tap(0, 7, 0))):
                near = (np.abs(line - colour).max(axis=1) < 40).nonzero()[0]
                assert near.size, (epoch, colour)
                assert int((near.mean() + 2.5) / plot.shape[1] * 31) == tap
        marks = (np.abs(plot[:, :2] - ACCENT).max(axis=(1, 2)) < 40).nonzero()[0]
        assert marks.mean() + 0.5 == pytest.approx((shown + 0.5) * height, abs=2.5)


def test_channels_are_cells_and_many_channels_have_one_shape(tab: Tab) -> None:
    tab.choose("block.cells")
    for epoch in (0, 7):
        tab.seek(epoch)
        for number in range(4):
            plot = tab.tile(number).plot
            rows, columns = (np.abs(plot - (0x67, 0, 0x1F)).max(axis=2) < 20).nonzero()
            middle = rows.mean() / plot.shape[0] * 3, columns.mean() / plot.shape[1] * 9
            assert (int(middle[0]), int(middle[1])) == cell(number, epoch)
    tab.choose("block.deep")
    for epoch in (2, 7):
        tab.seek(epoch)
        for number in range(6):
            assert tab.tile(number).peak_tap(RED) == pulse_tap(0, number + 1, epoch)


def test_sorting_by_rotation_stays_as_it_is_while_scrubbing(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(1)
    assert tab.order == list(range(6))
    tab.get("sort").select_option("drift")
    expect(tab.grid).to_have_attribute("data-sort", "drift")
    first, later = drift_order(written, 1), drift_order(written, 8)
    assert first not in (later, list(range(6)))
    assert tab.order == first
    left, top, *_ = tab.box(first[0])
    assert all((left, top) <= tab.box(number)[:2] for number in first)
    tab.seek(8)
    assert tab.order == first
    tab.get("sort-again").click()
    expect(tab.grid).not_to_have_attribute("data-tiles", "")
    tab.page.wait_for_function(
        f"JSON.parse(document.querySelector('[data-testid=grid]').dataset.tiles)[0][0] === {later[0]}"
    )
    assert tab.order == later


@pytest.mark.parametrize("sort", ["norm", "peak"])
def test_other_sortings(tab: Tab, written: Written, sort: str) -> None:
    tab.choose("waves").seek(4)
    tab.get("sort").select_option(sort)
    expect(tab.grid).to_have_attribute("data-sort", sort)
    weights = written.weights("waves", 4)
    peaks = np.abs(np.fft.rfft(weights[:, 0], 4096)).argmax(axis=1)
    values = -metrics.norms(weights) if sort == "norm" else peaks
    assert tab.order == list(np.argsort(values))
    tab.get("sort").select_option("index")
    expect(tab.grid).to_have_attribute("data-sort", "index")
    assert tab.order == list(range(6))


def test_searching_finds_numbers(tab: Tab) -> None:
    tab.choose("noise")
    tab.page.keyboard.press("/")
    expect(tab.get("search")).to_be_focused()
    before = {number: tab.tile(number).pixels for number in (7, 8, 20, 22, 23)}
    tab.page.keyboard.type("7, 20-22")
    tab.page.wait_for_function("document.querySelector('[data-testid=search]').value === '7, 20-22'")
    for number, pixels in before.items():
        found = tab.tile(number).pixels
        contrast = [float(np.ptp(one[2:-2, 2:-2].min(axis=2))) for one in (pixels, found)]
        assert (contrast[1] > 0.8 * contrast[0]) == (number in (7, 20, 22))
    tab.page.keyboard.press("Enter")
    expect(tab.get("detail")).to_have_attribute("data-filter", "7")
    tab.page.keyboard.press("Escape")
    expect(tab.get("search")).to_have_value("")


def test_a_scale_for_all_or_one_for_each(tab: Tab) -> None:
    tab.seek(2)
    heights = {}
    for scale in ("shared", "filter"):
        tab.get("scale").select_option(scale)
        expect(tab.get("scale")).to_have_value(scale)
        middle = tab.tile(1).plot.shape[0] / 2
        heights[scale] = [tab.tile(number).peak(RED)[1] - middle for number in (1, 4, 7)]
    small, medium, large = heights["shared"]
    assert (small / large, medium / large) == (pytest.approx(0.4, abs=0.03), pytest.approx(0.7, abs=0.03))
    assert heights["filter"] == pytest.approx([large] * 3, abs=1.5)


def ghost_tap(tab: Tab, number: int) -> int | None:
    picture = tab.tile(number)
    return picture.peak_tap(GHOST, tolerance=20) if picture.count(GHOST, 20) > 20 else None


def test_what_lies_behind_is_what_one_compares_with(tab: Tab) -> None:
    tab.seek(9)
    for number in (2, 6):
        assert ghost_tap(tab, number) == pulse_tap(0, number, 0)
    tab.seek(4)
    tab.get("pin").click()
    expect(tab.get("compare")).to_have_value("pinned")
    tab.seek(9)
    for number in (2, 6):
        assert ghost_tap(tab, number) == pulse_tap(0, number, 4)
        assert tab.tile(number).peak_tap(RED) == pulse_tap(0, number, 9)
    tab.get("compare").select_option("run:b")
    tab.view.locator("text=pale: b, epoch 9").wait_for()
    for number in (2, 6):
        assert ghost_tap(tab, number) == pulse_tap(1, number, 9)
    tab.seek(7)
    tab.view.locator("text=pale: b, epoch 7").wait_for()
    assert ghost_tap(tab, 2) == pulse_tap(1, 2, 7)
    tab.get("compare").select_option("none")
    expect(tab.get("compare")).to_have_value("none")
    assert ghost_tap(tab, 2) is None
    assert tab.tile(2).peak_tap(PLAIN) == pulse_tap(0, 2, 7)


def test_the_difference_is_from_what_one_compares_with(tab: Tab) -> None:
    tab.get("mode-change").click()
    tab.get("compare").select_option("run:b")
    tab.view.locator("text=difference from b, epoch 12").wait_for()
    assert tab.tile(5).peak_tap(RED) == pulse_tap(0, 5, LAST)
    assert upside_down(tab.tile(5)).peak_tap(RED) == pulse_tap(1, 5, LAST)


def test_the_same_pulses_at_two_device_pixels_for_one(look: Look, served: Served) -> None:
    tab = look(served.frame, scale=2).loaded().seek(5)
    assert tab.grid.evaluate("canvas => canvas.width / canvas.clientWidth") == pytest.approx(2, abs=0.01)
    x, y, w, h = tab.box(3)
    picture = Picture.of(tab.page.screenshot(clip={"x": x, "y": y, "width": w, "height": h}))
    picture.pixels[: 2 * HEAD] = 255
    assert picture.peak_tap(RED) == pulse_tap(0, 3, 5)
