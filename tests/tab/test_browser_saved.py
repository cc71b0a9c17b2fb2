"""What the Filters tab saves: pictures, tables and documents."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from filterscope.filters import metrics
from tests.support.browser import Served
from tests.support.tab import (
    RUNS,
    SAMPLE_RATE,
    Look,
    Picture,
    Tab,
    Written,
    agrees,
    pulse_tap,
    rotation_colour,
)

pytest_plugins = ["tests.support.tab_fixtures"]

RED = rotation_colour(1)
PLUS, MINUS = (0x67, 0, 0x1F), (5, 0x30, 0x61)


def test_the_table_holds_every_weight(tab: Tab, written: Written) -> None:
    tab.choose("block.cells").seek(7)
    name, content = tab.saved("csv")
    assert name == f"{RUNS[0]}-block.cells-weights-epoch7.csv"
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
    name, content = tab.saved("json")
    assert name == f"{RUNS[0]}-waves-weights-epoch9.json"
    found = json.loads(content)
    about = {"run": RUNS[0], "tag": "filters/waves/bank", "layer": "waves", "epoch": 9, "step": 45, "shape": [6, 1, 64]}
    assert {key: found[key] for key in about} == about
    assert (found["sample_rate"], found["reference_epoch"], found["complex"]) == (SAMPLE_RATE, 0, False)
    weights = written.weights("waves", 9)
    assert np.array([one["weights"] for one in found["filters"]]) == pytest.approx(weights, rel=1e-6)
    for row, one in enumerate(found["filters"]):
        expected = written.measures("waves", 9, row)
        assert (one["filter"], one["state"]) == (row, "alive")
        assert one["rotation"] == pytest.approx(expected["rotation"], rel=1e-4)
        assert one["norm"] == pytest.approx(expected["norm"], rel=1e-6)
        assert one["peak_frequency"] == pytest.approx(written.peak("waves", 9, row) * SAMPLE_RATE, rel=1e-6)


def test_the_picture_holds_the_tiles_at_twice_the_resolution(tab: Tab) -> None:
    tab.seek(7)
    name, content = tab.saved("png")
    assert name == f"{RUNS[0]}-pulses-taps-epoch7.png"
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
    tab.opened_at(2)
    beside = tab.get("detail").evaluate("detail => detail.clientWidth")
    with Image.open(io.BytesIO(tab.saved("png")[1])) as image:
        assert image.width == pytest.approx(2 * (around["width"] + beside), rel=0.05)


def test_names_of_saved_files_hold_nothing_that_a_file_system_refuses(look: Look, served: Served) -> None:
    tab = look(served.frame).loaded()
    tab.choose("block.cells")
    for kind in ("png", "csv", "json"):
        assert re.fullmatch(r"[\w.-]+\." + kind, tab.saved(kind)[0])


def test_the_picture_has_the_bars_of_its_colours(tab: Tab) -> None:
    tab.choose("block.cells")
    pixels = np.asarray(Image.open(io.BytesIO(tab.saved("png")[1])).convert("RGB")).astype(int)[:100]
    for colour in (PLUS, MINUS, RED):
        assert (np.abs(pixels - colour).max(axis=2) < 12).sum() > 8, colour
    tab.get("compare").select_option("none")
    pixels = np.asarray(Image.open(io.BytesIO(tab.saved("png")[1])).convert("RGB")).astype(int)[:100]
    assert (np.abs(pixels - RED).max(axis=2) < 12).sum() == 0


def test_saved_numbers_are_from_the_reference_whatever_one_compares_with(tab: Tab, written: Written) -> None:
    tab.choose("waves").seek(9)
    tab.get("compare").select_option("previous")
    tab.view.locator("text=pale: epoch 8").wait_for()
    wanted = metrics.rotation(written.weights("waves", 9), written.weights("waves", 0))
    found = json.loads(tab.saved("json")[1])
    assert [one["rotation"] for one in found["filters"]] == pytest.approx(list(wanted), rel=1e-4)
    tab.click(2)
    expect(tab.get("detail")).to_be_visible()
    told = tab.facts()["rotation from epoch 8"]
    assert agrees(told, float(metrics.rotation(written.weights("waves", 9), written.weights("waves", 8))[2]))
