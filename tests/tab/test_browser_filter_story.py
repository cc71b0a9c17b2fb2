"""One filter in detail: how it came about, and all its channels with their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import (
    GHOST,
    LAST,
    Look,
    Picture,
    Tab,
    pulse_tap,
    rotation_colour,
)

pytest_plugins = ["tests.support.tab_fixtures"]


def test_eight_moments_tell_how_a_filter_came_about(tab: Tab) -> None:
    tab.opened_at(3)
    moments = tab.get("detail-moment")
    expect(moments).to_have_count(8)
    epochs = [int(words.removeprefix("epoch ")) for words in moments.all_inner_texts()]
    assert (epochs[0], epochs[-1]) == (0, LAST)
    assert epochs == sorted(set(epochs))
    tab.page.mouse.move(1, 1)
    for k, epoch in enumerate(epochs):
        picture = Picture.of(moments.nth(k).locator("canvas").screenshot()).pixels[3:-3, 3:-3]
        before = [(GHOST, epochs[k - 1])] if k else []
        for colour, at in [(rotation_colour(float(epoch > 0)), epoch), *before]:
            rows, columns = (np.abs(picture - colour).max(axis=2) < 40).nonzero()
            top = columns[rows <= rows.min() + 1].mean() + 0.5
            assert round(top / picture.shape[1] * 31 - 0.5) == pulse_tap(0, 3, at)
    moments.nth(2).click()
    tab.shows(epochs[2])
    expect(moments.nth(2)).to_have_attribute("aria-current", "true")
    expect(tab.get("detail-moment", "[aria-current]")).to_have_count(1)
    moments.nth(5).focus()
    tab.page.keyboard.press("Enter")
    tab.shows(epochs[5])
    expect(tab.get("detail").get_by_role("button", name=f"Go to epoch {epochs[5]}")).to_have_attribute(
        "aria-current", "true"
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([0] * 57, [0, 8, 16, 24, 32, 40, 48, 56]),  # still
        ([min(i, 8) for i in range(57)], [0, 2, 4, 6, 8, 24, 40, 56]),  # early
        ([0] * 40 + [1] * 17, [0, 16, 32, 39, 40, 41, 42, 56]),  # at one blow
        ([0, 1, 2], [0, 1, 2]),
    ],
)
def test_moments_are_where_a_filter_moved(tab: Tab, path: list[int], expected: list[int]) -> None:
    module = "/data/plugin/filterscope/static/numbers/telling.js"
    code = f"async path => (await import('{module}')).tellingMoments(path.map((_, i) => i), path, 8)"
    assert tab.page.evaluate(code, path) == pytest.approx(expected, abs=2)


#: Channels of an electroencephalogram.
EEG = ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T3", "C3", "Cz", "C4", "occipital, right")


def one_cell(channels: int, epoch: int) -> np.ndarray:
    """Two filters; all of a filter's weight is in a channel of its epoch, at its last tap but two."""
    result = np.zeros((2, channels, 9))
    result[:, epoch % channels, 6] = (1, 0.5)
    return result


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Layers whose channels have names."""
    directory = tmp_path_factory.mktemp("named")
    layers = [
        Known(name, partial(one_cell, len(names)), fields={"channel_names": names})
        for name, names in (("eeg", EEG), ("dna", tuple("ACGT")))
    ]
    Run(directory / "only", layers, 3).add(range(4))
    with tensorboard(directory, LOADERS["fast"]) as running:
        for layer in layers:
            running.wait_for_step("only", f"filters/{layer.name}/bank", 3 * STEPS)
        yield running


def test_all_channels_stand_beside_what_they_were_and_the_difference(look: Look, named: Served) -> None:
    tab = look(f"{named.frame}#p.filterscope.tag=filters/eeg/bank").loaded(4).shows(3, "eeg")
    tab.opened_at(0)
    detail = tab.get("detail")
    red, blue = (0x67, 0, 0x1F), (5, 0x30, 0x61)
    for words, cells in [("epoch 0", {0: red}), ("epoch 3", {3: red}), ("difference", {0: blue, 3: red})]:
        pane = detail.get_by_role("img", name=re.compile(f"channels by taps, {words}$"))
        picture = Picture.of(pane.screenshot()).pixels
        left = next(x for x in range(picture.shape[1]) if (np.abs(picture[8, x] - picture[8, -14]) < 2).all())
        inside = picture[6:-20, left:-10]
        found = {}
        for colour in (red, blue):
            rows, columns = (np.abs(inside - colour).max(axis=2) < 24).nonzero()
            if rows.size:
                found[int(rows.mean() / inside.shape[0] * len(EEG))] = colour
                assert int(columns.mean() / inside.shape[1] * 9) == 6
        assert found == cells, words
    # A name at every row, and under the pointer what it was and is.
    pane = detail.get_by_role("img", name=re.compile("channels by taps, epoch 0$"))
    picture = Picture.of(pane.screenshot()).pixels
    words = (picture[6:-20, 80:112].min(axis=2) < 150).any(axis=1)
    assert np.count_nonzero(np.diff(words.astype(int)) == 1) >= len(EEG) - 1
    pane = detail.get_by_role("img", name=re.compile("channels by taps, epoch 3$"))
    box = pane.bounding_box()
    assert box is not None
    tab.page.mouse.move(
        box["x"] + 6 + (box["width"] - 16) * 6.5 / 9, box["y"] + 6 + (box["height"] - 26) * 3.5 / len(EEG)
    )
    expect(detail.get_by_role("group", name="All channels")).to_contain_text("F3 · tap 6: 0 → 1.00")
    expect(detail.get_by_role("img", name="magnitude response")).to_be_visible()


def test_letters_have_no_frequencies(look: Look, named: Served) -> None:
    tab = look(f"{named.frame}#p.filterscope.tag=filters/dna/bank").loaded(4).shows(3, "dna")
    tab.opened_at(1)
    assert set(tab.facts()) == {"rotation", "change", "norm"}
    expect(tab.get("detail").get_by_role("img", name="response")).to_have_count(0)
    expect(tab.get("detail-moment", ":visible")).to_have_count(4)
    x, y, width, height = tab.plot("taps of the filter")
    tab.page.mouse.move(x + width - 14, y + 6 + (height - 26) * 2.5 / 4)
    assert tab.readout("taps of the filter") == "G · tap 8: 0 · epoch 0 0"
    saved = json.loads(tab.saved("json")[1])["filters"]
    assert [one["peak_frequency"] for one in saved] == [None] * len(saved)
    assert saved
