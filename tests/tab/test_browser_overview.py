"""All layers of a run at once: what the map and the curve above it show, and where they lead."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Locator, expect
from torch import nn

from filterscope import FilterRecorder
from tests.support.arrays import normal
from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import HOSTILE, STEPS, Known, Layer, Run
from tests.support.tab import LAST, Look, Tab, agrees, model, pulses, waves

pytest_plugins = ["tests.support.tab_fixtures"]

LAYERS = ("pulses", "waves", "block.cells", "block.deep", "noise")
FROZEN = normal(4, 3, 9)
#: Decades of the scale of change.
DECADES = 3


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Run]]:
    directory = tmp_path_factory.mktemp("logs")
    made = {
        "all": Run(directory / "all", model(0), LAST),
        "few": Run(directory / "few", [pulses(0), waves(0)], LAST),
        "hostile": Run(directory / "hostile", [Layer(name, (4, 1, 9)) for name in HOSTILE if name.isprintable()], 4),
        "odd": Run(directory / "odd", model(1), LAST),
        "frozen": Run(directory / "frozen", [Known(name, lambda _: FROZEN) for name in "abcd"], 4),
    }
    for name, run in made.items():
        run.add(range(5 if name in ("hostile", "frozen") else LAST + 1))
    made["all"].log("accuracy", {step: step / 100 for step in range(0, LAST * STEPS + 1, 3)})
    made["all"].log("epoch_loss", {step: 1 + math.exp(-step / 20) for step in range(0, LAST * STEPS + 1, 3)})
    made["hostile"].log("<img src=x onerror=alert(2)> loss", {0: 1, 20: math.nan})
    made["odd"].log("filters/pulses/change", {(LAST + 1) * STEPS: math.nan})
    made["odd"].log("accuracy", {0: math.inf, STEPS: math.nan})
    Run(directory / "odd", [Layer("single")], LAST, "other").add([0])
    return directory, made


@pytest.fixture(scope="module", params=LOADERS)
def there(runs: tuple[Path, dict[str, Run]], request: pytest.FixtureRequest) -> Iterator[Served]:
    with tensorboard(runs[0], LOADERS[request.param]) as running:
        for name, run in runs[1].items():
            for tag, found in run.blobs.items():
                running.wait_for_step(name, tag, max(found))
        running.wait_for_step("odd", "other/single/bank", 0)
        yield running


def over(look: Look, there: Served, run: str, more: str = "", **options: object) -> Tab:
    """The overview of a run."""
    tab = look(f"{there.frame}#p.filterscope.run={run}{more}", overview=True, **options)
    expect(tab.get("overview-row").first).to_be_visible()
    return tab


def strip(tab: Tab, layer: str) -> Locator:
    return tab.get("overview-row", f'[data-tag="filters/{layer}/bank"]').get_by_role("slider")


def middle(tab: Tab, layer: str, epoch: int, last: int = LAST) -> tuple[float, float]:
    """The middle of what stands for the change from one epoch to the next."""
    box = strip(tab, layer).bounding_box()
    assert box is not None
    return box["x"] + (epoch - 0.5) / last * box["width"], box["y"] + box["height"] / 2


def colour(tab: Tab, at: tuple[float, float]) -> np.ndarray:
    shot = tab.page.screenshot(clip={"x": at[0] - 1, "y": at[1] - 1, "width": 2, "height": 2})
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)[0, 0]


def changes(run: Run) -> dict[str, dict[int, float]]:
    return {layer: run.scalars[f"filters/{layer}/change"] for layer in LAYERS}


@pytest.mark.parametrize("dark", [False, True])
def test_a_cell_has_the_colour_and_the_words_of_its_change(
    look: Look, there: Served, runs: tuple[Path, dict[str, Run]], dark: bool
) -> None:
    tab = over(look, there, "all", dark=dark)
    found = changes(runs[1]["all"])
    values = [value for each in found.values() for value in each.values() if value > 0]
    high = max(values)
    low = max(min(values), high / 10**DECADES)
    table = matplotlib.colormaps["magma" if dark else "BuPu"]
    for layer in LAYERS:
        for epoch in (1, 7, LAST):
            value = found[layer][epoch * STEPS]
            at = middle(tab, layer, epoch)
            tab.page.mouse.move(1, 1)
            share = min(max(math.log(value / low) / math.log(high / low), 0), 1)
            seen = (24 + share * (255 - 24)) / 255  # the palest of the map look like the page
            assert np.abs(colour(tab, at) - 255 * np.array(table(seen)[:3])).max() < 8, (layer, epoch)
            tab.page.mouse.move(*at)
            tip = tab.get("overview-tip").inner_text()
            assert tip.startswith(f"{layer} · epoch {epoch} · step {epoch * STEPS} · change "), tip
            assert agrees(tip.split("change ")[1], value)
            assert "epoch_loss 1." in tip


@pytest.mark.parametrize("width", [480, 1100, 1600])
def test_a_click_leads_to_the_layer_at_that_moment_and_back(look: Look, there: Served, width: int) -> None:
    tab = over(look, there, "all", width=width, height=900)
    expect(tab.get("scrubber")).to_be_hidden()
    assert tab.view.locator("html").evaluate("root => root.scrollWidth <= innerWidth")
    tab.page.mouse.click(*middle(tab, "block.deep", 5))
    tab.shows(5, "block.deep")
    expect(tab.get("overview")).to_be_hidden()
    tab.get("to-overview").click()
    expect(tab.get("overview")).to_be_visible()
    expect(tab.grid).to_be_hidden()
    tab.page.reload()
    expect(tab.get("overview-row").first).to_be_visible()
    tab.page.mouse.click(*middle(tab, "waves", LAST))
    tab.shows(LAST, "waves")
    assert "step=" not in tab.page.url


def test_by_keyboard_alone_and_for_a_screen_reader(look: Look, there: Served) -> None:
    tab = over(look, there, "all")
    tab.page.keyboard.press("ArrowDown")
    expect(strip(tab, "pulses")).to_be_focused()
    expect(strip(tab, "pulses")).to_have_attribute("aria-valuetext", re.compile(f"epoch {LAST} .* change"))
    for key in ("ArrowDown", "Home", "ArrowRight", "ArrowRight", "ArrowDown"):
        tab.page.keyboard.press(key)
    cells = strip(tab, "block.cells")
    expect(cells).to_be_focused()
    expect(cells).to_have_attribute("aria-valuetext", re.compile("block.cells · epoch 3 · step 15 · change"))
    expect(cells).to_have_accessible_name(re.compile("change of block.cells"))
    expect(tab.get("overview-tip")).to_contain_text("block.cells · epoch 3")
    tab.page.keyboard.press("Enter")
    tab.shows(3, "block.cells")
    expect(tab.grid).to_be_focused()
    tab.page.keyboard.press("o")
    expect(tab.get("overview")).to_be_visible()
    tab.page.keyboard.press("2")  # modes are of a layer
    tab.page.keyboard.press("ArrowDown")
    expect(tab.view.locator(":focus")).to_have_role("slider")
    expect(tab.view.get_by_role("table").get_by_role("row")).to_have_count(len(LAYERS))


@pytest.mark.parametrize("more", ["tag=filters%2Fwaves%2Fbank", "step=15", "filter=1", "mode=change", "view=layer"])
def test_a_link_to_something_of_a_layer_goes_past_it(look: Look, there: Served, more: str) -> None:
    tab = look(f"{there.frame}#p.filterscope.run=all&p.filterscope.{more}", overview=True)
    tab.shows(layer="waves" if "waves" in more else "pulses")
    expect(tab.get("overview")).to_be_hidden()


def test_of_a_frozen_model_one_sentence_is_said(look: Look, there: Served) -> None:
    tab = over(look, there, "frozen")
    said = tab.view.get_by_role("list", name="What happened").get_by_role("listitem")
    expect(said).to_have_text(["Nothing has changed"])
    said.get_by_role("button").click()
    tab.shows(4, "a")


def test_a_few_layers_need_no_overview_but_have_one(look: Look, there: Served) -> None:
    tab = look(f"{there.frame}#p.filterscope.run=few", overview=True).shows(LAST, "pulses")
    tab.get("to-overview").click()
    expect(tab.get("overview-row")).to_have_count(2)
    expect(tab.get("overview-scalar")).to_be_disabled()
    tab.get("run", '[data-run="all"]').click()
    expect(tab.get("overview-row")).to_have_count(len(LAYERS))


def test_any_scalar_can_stand_above_the_map(look: Look, there: Served) -> None:
    tab = over(look, there, "all")
    curve, scalar = tab.get("overview-curve"), tab.get("overview-scalar")
    expect(scalar).to_have_value("epoch_loss")
    assert scalar.locator("option").all_inner_texts() == ["no scalar", "accuracy", "epoch_loss"]
    expect(curve).to_have_attribute("aria-label", "epoch_loss over epochs, from 2 to 1.1")
    with_loss = curve.screenshot()
    scalar.select_option("accuracy")
    expect(curve).to_have_attribute("aria-label", "accuracy over epochs, from 0 to 0.6")
    assert curve.screenshot() != with_loss
    tab.page.reload()
    expect(scalar).to_have_value("accuracy")
    scalar.select_option("")
    expect(curve).to_have_attribute("aria-label", "epochs")


def test_missing_and_damaged_scalars_are_told(look: Look, there: Served) -> None:
    tab = over(look, there, "odd")
    expect(tab.get("overview-scalar")).to_have_value("")
    expect(tab.get("overview")).to_contain_text("1 layer of 6 has no change logged yet")
    expect(tab.get("overview")).to_contain_text("NaN or Inf: filters/pulses, first at epoch 13")
    tab.page.mouse.move(*middle(tab, "pulses", LAST + 1, LAST + 1))
    expect(tab.get("overview-tip")).to_contain_text("change is no number")
    box = strip(tab, "pulses").bounding_box()
    assert box is not None
    width = box["width"] / (LAST + 1)
    clip = {"x": box["x"] + box["width"] - 0.9 * width, "y": box["y"], "width": 0.4 * width, "height": box["height"]}
    pixels = np.asarray(Image.open(io.BytesIO(tab.page.screenshot(clip=clip))).convert("L"))  # type: ignore[arg-type]
    assert 0.3 < (pixels > 200).mean() < 0.7
    tab.get("overview-scalar").select_option("accuracy")
    expect(tab.get("overview-curve")).to_have_attribute("aria-label", "accuracy over epochs, no values")


@pytest.fixture(scope="module", params=LOADERS)
def exploding(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A record of eight epochs, of which the weights of two layers of four are NaN from the third on."""
    directory = tmp_path_factory.mktemp("exploding")
    layers = [nn.Conv1d(1, 4, 9) for _ in range(4)]
    with FilterRecorder(nn.Sequential(*layers), directory / "run", plots=()) as recorder:
        for epoch in range(9):
            with torch.no_grad():
                for layer in layers:
                    layer.weight += 0.1 * epoch * torch.randn(4, 1, 9)
                for layer in layers[: 2 * (epoch >= 3)]:
                    layer.weight.fill_(math.nan)
            recorder.snapshot(epoch)
    with tensorboard(directory, LOADERS[request.param]) as running:
        running.wait_for_step("run", "filters/3/bank", 8)
        yield running


def test_weights_that_are_no_numbers_are_told_first_and_have_no_rotation(look: Look, exploding: Served) -> None:
    tab = over(look, exploding, "run")
    said = tab.get("overview").get_by_role("list").locator("li").all_inner_texts()
    assert said[0] == "NaN or Inf: 0, first at epoch 3, and 1 other layer"
    assert [each for each in said if each.startswith(("Turned most: 2, ", "Turned most: 3, "))]
    rotations = [row.locator(".overview-rotation").inner_text() for row in tab.get("overview-row").all()]
    assert rotations[:2] == ["–", "–"]
    assert all(float(rotation) > 0 for rotation in rotations[2:])
    tab.page.mouse.move(*middle(tab, "1", 8, 8))
    expect(tab.get("overview-tip")).to_have_text("1 · epoch 8 · step 8 · change is no number")
    labels = [layer.get_attribute("aria-label") or "" for layer in tab.get("layer").all()]
    assert ["rotation" in label for label in labels] == [False, False, True, True]
    tab.view.get_by_text("NaN or Inf: 0").click()
    tab.shows(3, "0")


def test_hostile_names_are_text(look: Look, there: Served) -> None:
    tab = over(look, there, "hostile")
    names = [name for name in HOSTILE if name.isprintable()]
    expect(tab.get("overview-row")).to_have_count(len(names))
    assert [row.get_attribute("title") for row in tab.get("overview-row").all()] == names
    expect(tab.get("overview-scalar")).to_have_value("<img src=x onerror=alert(2)> loss")
    assert tab.view.locator("img").count() == 0
    tab.get("overview-row").first.click(position={"x": 20, "y": 8})
    expect(tab.get("overview")).to_be_hidden()


def test_a_running_fit_grows(look: Look, tmp_path: Path) -> None:
    run = Run(tmp_path / "only", model(0), 30).add([0])
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        served.wait_for_step("only", "filters/noise/bank", 0)
        tab = look(served.frame, overview=True)
        expect(tab.get("overview")).to_contain_text("These layers have no change logged yet")
        tab.page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 250)")
        run.add([1, 2])
        expect(tab.get("overview")).to_contain_text("up to epoch 2")
        run.log("loss", {5: 3, 10: 2})
        run.add([3])
        expect(tab.get("overview")).to_contain_text("up to epoch 3")
        expect(tab.get("overview-scalar")).to_have_value("loss")
        expect(strip(tab, "noise")).to_have_attribute("aria-valuemax", "2")
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_what_the_server_says(there: Served, runs: tuple[Path, dict[str, Run]]) -> None:
    reply = there.plugin("overview", run="all")
    found = reply.json
    assert (found["unit"], found["scalar"], found["scalars"]) == ("epoch", "epoch_loss", ["accuracy", "epoch_loss"])
    assert found["clock"] == [[step, step // STEPS] for step, _ in found["clock"]]
    assert found["curve"][0] == [0, 2]
    for tag, axis, values in found["changes"]:
        logged = runs[1]["all"].scalars[tag.removesuffix("bank") + "change"]
        assert found["axes"][axis] == sorted(logged)
        assert values == pytest.approx([logged[step] for step in sorted(logged)], rel=1e-3)
    assert len(found["changes"]) == len(LAYERS)
    assert there.plugin("overview", {"If-None-Match": reply.headers["ETag"]}, run="all").status == 304
    assert there.plugin("overview", run="all", scalar="").json["scalar"] is None
    assert there.plugin("overview", run="all", scalar="none such").json["scalar"] == "epoch_loss"
    assert there.plugin("overview").json == found
    assert there.plugin("overview", likely="few").json["run"] == "few"
    assert there.plugin("overview", likely="none such").json == found
    assert there.plugin("overview", run="none such").status == 404
