"""The Filters tab in a real browser: one filter in detail, readouts, and what can be saved."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from filterscope.filters import metrics
from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Known, Run
from tests.support.tab import (
    ACCENT,
    GHOST,
    LAST,
    RUNS,
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


def measures(written: Written, layer: str, epoch: int, row: int) -> dict[str, float]:
    now, before, first = (written.weights(layer, at)[row : row + 1] for at in (epoch, epoch - 1, 0))
    return {
        "rotation": float(metrics.rotation(now, first)[0]),
        "change": metrics.change(now, before),
        "norm": float(metrics.norms(now)[0]),
    }


def peak(written: Written, layer: str, epoch: int, row: int) -> float:
    spectrum = np.square(np.abs(np.fft.rfft(written.weights(layer, epoch)[row], 512))).sum(axis=0)
    return float(np.argmax(spectrum) / 512)


def opened_at(tab: Tab, row: int) -> Tab:
    tab.click(row)
    expect(tab.get("detail")).to_have_attribute("data-filter", str(row))
    return tab


def test_a_filters_numbers_are_those_of_its_weights(tab: Tab, written: Written) -> None:
    for layer, rate, unit in [("waves", SAMPLE_RATE, "Hz"), ("block.deep", 1.0, "cycles/sample")]:
        tab.choose(layer).loaded()
        for epoch, row in [(5, 3), (9, 1)]:
            opened_at(tab.seek(epoch), row)
            expect(tab.get("detail")).to_have_attribute("data-step", str(epoch * STEPS))
            facts = tab.facts()
            for name, value in measures(written, layer, epoch, row).items():
                assert agrees(facts[name], value), (layer, name, facts[name], value)
            if layer == "waves":  # an impulse is as loud at all frequencies
                assert agrees(facts["peak"], peak(written, layer, epoch, row) * rate, digits=3)
            assert facts["peak"].endswith(unit)
            tab.page.keyboard.press("Escape")
            expect(tab.get("detail")).to_be_hidden()


def test_a_dead_filter_is_told_as_such(tab: Tab) -> None:
    opened_at(tab.choose("noise").seek(LAST), 3)
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
    opened_at(tab, order[0])
    for name, place in [("Next filter", 1), ("Next filter", 2), ("Previous filter", 1)]:
        detail.get_by_role("button", name=name).click()
        expect(detail).to_have_attribute("data-filter", str(order[place]))
        assert agrees(tab.facts()["norm"], measures(written, "waves", 1, order[place])["norm"])
    for key, place in [("ArrowDown", 2), ("ArrowUp", 1), ("ArrowUp", 0), ("ArrowUp", 0)]:
        tab.page.keyboard.press(key)
        expect(detail).to_have_attribute("data-filter", str(order[place]))
    expect(detail.get_by_role("heading")).to_contain_text(f"filter {order[0]}")
    detail.get_by_role("button", name="Close").click()
    expect(detail).to_be_hidden()
    opened_at(tab, order[4])
    tab.click(order[4])
    expect(detail).to_be_hidden()


TAPS, RESPONSE, LEARNED = "taps of the filter", "magnitude response", "heat map of the difference"


def plot(tab: Tab, name: str) -> tuple[float, float, float, float]:
    canvas = tab.get("detail").get_by_role("img", name=name)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def readout(tab: Tab, name: str) -> str:
    figure = tab.get("detail").locator("figure").filter(has=tab.page.get_by_role("img", name=name))
    return figure.locator(".plot-readout").inner_text()


def test_the_readout_tells_the_tap_under_the_pointer(tab: Tab, written: Written) -> None:
    opened_at(tab.choose("waves").seek(4), 2)
    now, then = (written.weights("waves", epoch)[2, 0] for epoch in (4, 0))
    x, y, width, height = plot(tab, TAPS)
    found = []
    for share in (0.3, 0.5, 0.8):
        tab.page.mouse.move(x + share * width, y + height / 2)
        words = re.match(r"tap (\d+): (\S+) · epoch 0 (\S+)$", readout(tab, TAPS))
        assert words is not None, readout(tab, TAPS)
        tap = int(words[1])
        assert agrees(words[2], float(now[tap]), 3)
        assert agrees(words[3], float(then[tap]), 3)
        found.append(tap)
    assert np.diff(found) == pytest.approx([0.2 * 64, 0.3 * 64], abs=4)


def test_the_readout_names_the_tap_that_is_drawn_there(tab: Tab) -> None:
    opened_at(tab.seek(4), 3)
    x, y, width, height = plot(tab, TAPS)
    tab.page.mouse.move(1, 1)
    picture = Picture.of(tab.page.screenshot(clip={"x": x, "y": y, "width": width, "height": height})).pixels
    rows, columns = (np.abs(picture - rotation_colour(1)).max(axis=2) < 40).nonzero()
    top = rows.min()
    tab.page.mouse.move(x + float(columns[rows <= top + 1].mean()) + 0.5, y + top + 0.5)
    assert readout(tab, TAPS) == f"tap {pulse_tap(0, 3, 4)}: 0.600 · epoch 0 0"


def test_the_readout_of_the_response_tells_decibels(tab: Tab, written: Written) -> None:
    opened_at(tab.choose("waves").seek(4), 2)
    spectrum = np.abs(np.fft.rfft(written.weights("waves", 4)[2, 0], 512))
    decibels = np.maximum(20 * np.log10(spectrum / spectrum.max()), -40)
    x, y, width, height = plot(tab, RESPONSE)
    levels = []
    for share in (0.3, 0.6, 0.75, 0.8, 0.9):
        tab.page.mouse.move(x + share * width, y + height / 2)
        words = re.match(r"(\S+) Hz: (\S+) dB$", readout(tab, RESPONSE))
        assert words is not None, readout(tab, RESPONSE)
        near = round(number(words[1]) / (SAMPLE_RATE / 2) * 256)
        around = decibels[max(near - 1, 0) : near + 2]
        assert around.min() - 0.1 <= number(words[2]) <= around.max() + 0.1
        levels.append(number(words[2]))
    assert len(set(levels)) > 2


def test_the_heat_map_over_the_epochs_is_a_way_to_go_to_one(tab: Tab, written: Written) -> None:
    opened_at(tab.choose("waves").seek(4), 2)
    x, y, width, height = plot(tab, LEARNED)
    tab.page.mouse.move(x + width / 2, y + 0.5 * height)
    words = re.match(r"epoch (\d+) · tap (\d+): (\S+)$", readout(tab, LEARNED))
    assert words is not None, readout(tab, LEARNED)
    epoch, tap = int(words[1]), int(words[2])
    moved = written.weights("waves", epoch) - written.weights("waves", 0)
    assert agrees(words[3], float(moved[2, 0, tap]), 3)
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
        expected = measures(written, "waves", 4, row)
        assert agrees(told[2], expected["rotation"])
        assert agrees(told[3], expected["norm"])
    tab.page.mouse.move(1, 1)
    expect(tab.view.locator(".tooltip")).to_be_hidden()


def saved(tab: Tab, kind: str) -> tuple[str, bytes]:
    with tab.page.expect_download() as waiting:
        tab.get(f"save-{kind}").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_the_table_holds_every_weight(tab: Tab, written: Written) -> None:
    tab.choose("block.cells").seek(7)
    name, content = saved(tab, "csv")
    assert name == "block.cells-weights-epoch7.csv"
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert list(rows[0]) == ["epoch", "step", "filter", "channel", "tap", "weight", "reference"]
    now, then = written.weights("block.cells", 7), written.weights("block.cells", 0)
    assert len(rows) == now.size
    assert {(row["epoch"], row["step"]) for row in rows} == {("7", "35")}
    for row in rows:
        place = int(row["filter"]), int(row["channel"]), int(row["tap"])
        assert float(row["weight"]) == pytest.approx(float(now[place]), rel=1e-6)
        assert float(row["reference"]) == pytest.approx(float(then[place]), rel=1e-6)


def test_the_document_holds_measures_and_weights(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(9)
    name, content = saved(tab, "json")
    assert name == "waves-weights-epoch9.json"
    found = json.loads(content)
    about = {"run": RUNS[0], "tag": "filters/waves/bank", "layer": "waves", "epoch": 9, "step": 45, "shape": [6, 1, 64]}
    assert {key: found[key] for key in about} == about
    assert (found["sample_rate"], found["reference_epoch"], found["complex"]) == (SAMPLE_RATE, 0, False)
    weights = written.weights("waves", 9)
    assert np.array([one["weights"] for one in found["filters"]]) == pytest.approx(weights, rel=1e-6)
    for row, one in enumerate(found["filters"]):
        expected = measures(written, "waves", 9, row)
        assert (one["filter"], one["state"]) == (row, "alive")
        assert one["rotation"] == pytest.approx(expected["rotation"], rel=1e-4)
        assert one["norm"] == pytest.approx(expected["norm"], rel=1e-6)
        assert one["peak_frequency"] == pytest.approx(peak(written, "waves", 9, row) * SAMPLE_RATE, rel=1e-6)


def test_the_picture_holds_the_tiles_at_twice_the_resolution(tab: Tab) -> None:
    tab.seek(7)
    name, content = saved(tab, "png")
    assert name == "pulses-taps-epoch7.png"
    with Image.open(io.BytesIO(content)) as image:
        picture = np.asarray(image.convert("RGB")).astype(int)
    around = tab.grid.bounding_box()
    assert around is not None
    scale = picture.shape[1] / around["width"]
    assert scale == pytest.approx(2, abs=0.01)
    boxes = [tab.box(row) for row in range(8)]
    margin = min(x for x, *_ in boxes) - around["x"]
    # Below its title, the picture ends with the tiles.
    head = picture.shape[0] - scale * (max(y + h for _, y, _, h in boxes) + margin - around["y"])
    assert 40 < head < 200
    for row in (1, 5, 7):
        x, y, w, h = boxes[row]
        left, top = round(scale * (x - around["x"])), round(head + scale * (y - around["y"]))
        tile = Picture(picture[top : top + round(scale * h), left : left + round(scale * w)][::2, ::2])
        assert tile.peak_tap(rotation_colour(1)) == pulse_tap(0, row, 7)
    opened_at(tab, 2)
    beside = tab.get("detail").evaluate("detail => detail.clientWidth")
    with Image.open(io.BytesIO(saved(tab, "png")[1])) as image:
        assert image.width == pytest.approx(2 * (around["width"] + beside), rel=0.05)


def test_names_of_saved_files_hold_nothing_that_a_file_system_refuses(look: Look, served: Served) -> None:
    tab = look(served.frame).loaded()
    tab.choose("block.cells")
    for kind in ("png", "csv", "json"):
        assert re.fullmatch(r"[\w.-]+\." + kind, saved(tab, kind)[0])


def test_eight_moments_tell_how_a_filter_came_about(tab: Tab) -> None:
    opened_at(tab, 3)
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
    opened_at(tab, 0)
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
    opened_at(tab, 1)
    assert set(tab.facts()) == {"rotation", "change", "norm"}
    expect(tab.get("detail").get_by_role("img", name="response")).to_have_count(0)
    expect(tab.get("detail-moment", ":visible")).to_have_count(4)
    x, y, width, height = plot(tab, TAPS)
    tab.page.mouse.move(x + width - 14, y + 6 + (height - 26) * 2.5 / 4)
    assert readout(tab, TAPS) == "G · tap 8: 0 · epoch 0 0"


def test_the_last_tick_is_whole_and_the_scale_of_change_is_named(look: Look, served: Served) -> None:
    tab = look(served.frame).loaded().choose("waves").seek(4)
    opened_at(tab, 2)
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
    opened_at(tab, 2)
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
    opened_at(tab, 2)
    assert height() == pytest.approx(before, abs=1)


def test_the_plots_are_scrolled_by_keyboard(tab: Tab) -> None:
    opened_at(tab, 3)
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
