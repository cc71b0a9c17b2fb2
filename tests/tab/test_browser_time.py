"""The scrubber's story: changes and a scalar behind the slider, moments that stand out, and what narrow windows do."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.pictures import count_colours
from tests.support.synthetic import STEPS, Layer, Run
from tests.support.tab import ACCENT, LAST, Look, Picture, Tab, agrees, model, pulses, waves

pytest_plugins = ["tests.support.tab_fixtures"]

RANKS = ("largest change", "second largest change", "third largest change")
#: As the browser half lays it out: CSS pixels from the left, and ends of both tracks from the top.
INSET, SCALAR, CHANGE = 8, (7, 32), (46, 66)
BAR, PLAIN = (0x98, 0xA3, 0xAF), {"light": (0x2F, 0x6D, 0xB3), "dark": (0x6A, 0xA5, 0xE8)}
GHOST = (0xC3, 0xCA, 0xD3)
THOUSAND = 1000


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Run]]:
    directory = tmp_path_factory.mktemp("logs")
    made = {
        "a": Run(directory / "a", [pulses(0), waves(0)], LAST).add(range(LAST + 1)),
        "b": Run(directory / "b", [pulses(1), waves(1)], LAST).add(range(LAST + 1)),
        "bare": Run(directory / "bare", [waves(0)], LAST).add(range(LAST + 1)),
        "long": Run(directory / "long", [Layer("conv1", (4, 1, 9))], THOUSAND).add(range(THOUSAND + 1)),
        "many": Run(directory / "many", model(0), LAST).add(range(LAST + 1)),
        "steps": Run(directory / "steps", [waves(0)], LAST, per_epoch=4).add(range(LAST + 1)),
        "two": Run(directory / "two", [waves(0)], 1).add(range(2)),
    }
    for name, start in (("a", 2.0), ("b", 1.0)):
        made[name].log("accuracy", {step: step / 100 for step in range(0, LAST * STEPS + 1, STEPS)})
        made[name].log("train_loss", {step: start * (1 - step / 100) for step in range(0, LAST * STEPS + 1, STEPS)})
    made["two"].log("loss", {0: 2, STEPS: math.nan})
    return directory, made


@pytest.fixture(scope="module")
def there(runs: tuple[Path, dict[str, Run]]) -> Iterator[Served]:
    with tensorboard(runs[0], LOADERS["fast"]) as running:
        for name, run in runs[1].items():
            for tag, found in run.blobs.items():
                running.wait_for_step(name, tag, max(found))
        yield running


def at(look: Look, there: Served, run: str = "a", layer: str = "waves", more: str = "", **options: object) -> Tab:
    """A layer with all that happened in it."""
    address = f"p.filterscope.run={run}&p.filterscope.tag=filters%2F{layer}%2Fbank{more}"
    tab = look(f"{there.frame}#{address}", **options).shows()
    if run != "two":
        expect(tab.get("tracks")).to_have_attribute("aria-label", re.compile("change up to"))
    return tab


def changes(runs: tuple[Path, dict[str, Run]], run: str, layer: str) -> list[float]:
    found = runs[1][run].scalars[f"filters/{layer}/change"]
    return [found[step] for step in sorted(found)]


def by_size(values: list[float]) -> list[int]:
    """Epochs, that of the largest change first."""
    shown = np.array([float(f"{value:.4g}") for value in values])  # as the server says them
    return [int(i) + 1 for i in np.argsort(-shown, kind="stable")]


def tracks(tab: Tab) -> Picture:
    """The canvas behind the slider, and no more."""
    box = tab.get("tracks").bounding_box()
    assert box is not None
    hide = ".signs, .scrubber-input { visibility: hidden }"
    tab.page.mouse.move(1, 1)
    return Picture.of(tab.page.screenshot(clip=box, style=hide))


def place(picture: Picture, position: float, last: int = LAST) -> float:
    return INSET + position / last * (picture.pixels.shape[1] - 2 * INSET)


def line_at(picture: Picture, x: float, colour: tuple[int, ...], top: int = SCALAR[0] - 3) -> float:
    """The height of a thin line in the upper track."""
    part = picture.pixels[top : SCALAR[1] + 3, round(x)]
    off = np.abs(part - colour).max(axis=1) / np.abs(picture.pixels[0, 0] - colour).max()
    assert off.min() < 0.4, "there is no line"
    return float(np.average(np.arange(len(off)) + top + 0.5, weights=np.maximum(0.7 - off, 0)))


def rows_of(picture: Picture, x: float, colour: tuple[int, ...], ends: tuple[int, int], near: int = 1) -> np.ndarray:
    """Rows of a track that have a colour at some pixel near a place."""
    left = round(x)
    part = picture.pixels[ends[0] - 3 : ends[1] + 2, max(left - near, 0) : left + near + 1]
    return (np.abs(part - colour).max(axis=2) < 30).any(axis=1).nonzero()[0] + ends[0] - 3


@pytest.mark.parametrize("width", [480, 1100, 1600])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_tracks_show_their_numbers(
    look: Look, there: Served, runs: tuple[Path, dict[str, Run]], width: int, theme: str
) -> None:
    tab = at(look, there, width=width, height=900, dark=theme == "dark").seek(LAST)
    values = changes(runs, "a", "waves")
    low, high = min(values), max(values)
    assert high < 10 * low  # within a decade: from 0 on, and not logarithmic
    expect(tab.view.locator(".scrubber-range")).to_have_text(re.compile(r"^to \S+ each$"))
    picture = tracks(tab)
    for epoch, value in enumerate(values[:-1], 1):
        bar = rows_of(picture, place(picture, epoch) - 4, BAR, CHANGE, 0)
        expected = (0.1 + 0.9 * value / high) * (CHANGE[1] - CHANGE[0])
        assert CHANGE[1] - bar.min() == pytest.approx(expected, abs=1.5), epoch
        line = line_at(picture, place(picture, epoch) - 3, PLAIN[theme])
        share = 1 - epoch / LAST  # it falls straight
        assert line == pytest.approx(SCALAR[1] - share * (SCALAR[1] - SCALAR[0]), abs=2), epoch
    accent = ACCENT if theme == "light" else (0xFF, 0x9A, 0x3C)
    assert len(rows_of(picture, place(picture, LAST) - 4, accent, CHANGE, 0)) > 2
    assert tab.view.locator("html").evaluate("root => root.scrollWidth <= innerWidth")


def test_changes_over_decades_are_logarithmic(look: Look, there: Served, runs: tuple[Path, dict[str, Run]]) -> None:
    tab = at(look, there, "long", "conv1", width=1100)
    values = changes(runs, "long", "conv1")
    limits = max(min(values), max(values) / 1000), max(values)
    assert limits[1] > 10 * limits[0]
    expect(tab.view.locator(".scrubber-range")).to_have_text(re.compile("^to .* each, log$"))
    picture = tracks(tab)
    for epoch in (100, 500, 900):
        share = math.log(values[epoch - 1] / limits[0]) / math.log(limits[1] / limits[0])
        bar = rows_of(picture, place(picture, epoch, THOUSAND), BAR, CHANGE, 2)
        expected = (0.1 + 0.9 * share) * (CHANGE[1] - CHANGE[0])
        assert CHANGE[1] - bar.min() == pytest.approx(expected, abs=2), epoch


def test_the_pointer_reads_moment_change_and_scalar(
    look: Look, there: Served, runs: tuple[Path, dict[str, Run]]
) -> None:
    tab = at(look, there)
    values = changes(runs, "a", "waves")
    tip, box = tab.get("scrubber-tip"), tab.get("tracks").bounding_box()
    assert box is not None
    expect(tip).to_be_hidden()
    for epoch in (1, 7, LAST):
        tab.page.mouse.move(box["x"] + INSET + epoch / LAST * (box["width"] - 2 * INSET), box["y"] + 40)
        expect(tip).to_contain_text(re.compile(rf"^epoch {epoch} · change .* · train_loss "))
        words = tip.inner_text()
        assert agrees(words.split("change ")[1], values[epoch - 1])
        assert agrees(words.split("train_loss ")[1], 2 * (1 - epoch * STEPS / 100))
    tab.page.mouse.move(1, 1)
    expect(tip).to_be_hidden()
    # The same of the shown moment, without a pointer.
    tab.seek(7)
    expect(tab.get("scrubber")).to_have_accessible_description(re.compile(r"change .* · train_loss 1\.3"))


def test_the_largest_changes_are_buttons_that_lead_there(
    look: Look, there: Served, runs: tuple[Path, dict[str, Run]]
) -> None:
    tab = at(look, there)
    largest = by_size(changes(runs, "a", "waves"))[:3]
    moments = tab.get("moment")
    expect(moments).to_have_count(3)
    tab.get("scrubber").focus()
    for rank, epoch in zip(RANKS, largest, strict=True):
        button = tab.view.get_by_role("button", name=f"{rank}: epoch {epoch}", exact=True)
        tab.tab_to(button)
        tab.page.keyboard.press("Enter")
        tab.shows(epoch)
        expect(button).to_have_attribute("aria-current", "true")
        tab.page.keyboard.press("ArrowLeft")  # keys go on as ever
        tab.shows(epoch - 1)
    # Of another layer others.
    tab.choose("pulses")
    epoch = by_size(changes(runs, "a", "pulses"))[0]
    tab.view.get_by_role("button", name=f"{RANKS[0]}: epoch {epoch}", exact=True).click()
    tab.shows(epoch)


@pytest.mark.parametrize("width", [480, 1600])
def test_a_thousand_snapshots_stay_legible(look: Look, there: Served, width: int) -> None:
    tab = at(look, there, "long", "conv1", width=width, height=900)
    picture = tracks(tab)
    columns = (np.abs(picture.pixels[CHANGE[1] - 1, INSET:-INSET] - BAR).max(axis=1) < 30).mean()
    assert columns > 0.95
    positions = sorted(int(one.get_attribute("data-position") or "-1") for one in tab.get("moment").all())
    assert min(np.diff(positions)) >= THOUSAND // 64
    lefts = sorted(box["x"] for one in tab.get("moment").all() if (box := one.bounding_box()))
    assert min(np.diff(lefts)) >= 12
    for one in tab.get("moment").all():
        one.click(trial=True)


def test_the_scalar_is_that_of_the_overview(look: Look, there: Served) -> None:
    tab = at(look, there)
    choice = tab.get("scrubber-scalar")
    expect(choice).to_have_value("train_loss")
    assert choice.locator("option").all_inner_texts() == ["no scalar", "accuracy", "train_loss"]
    choice.select_option("accuracy")
    expect(tab.get("tracks")).to_have_attribute("aria-label", re.compile(r"accuracy from 0 to 0\.6"))
    tab.page.wait_for_url("**/*scalar=accuracy*")
    tab.get("to-overview").click()
    expect(tab.get("overview-scalar")).to_have_value("accuracy")
    tab.get("overview-scalar").select_option("")
    tab.get("overview-row").last.click(position={"x": 20, "y": 8})
    tab.shows(layer="waves")
    expect(choice).to_have_value("")
    expect(tab.get("tracks")).to_have_attribute("aria-label", re.compile(r"change up to [^·]*$"))


def test_time_is_counted_as_everywhere(look: Look, there: Served) -> None:
    tab = at(look, there, "steps")
    expect(tab.view.locator(".scrubber-unit")).to_have_text("steps")
    expect(tab.get("tracks")).to_have_attribute("aria-label", re.compile("^Over steps: "))
    expect(tab.view.get_by_role("button", name=re.compile("^largest change: step"))).to_be_visible()
    tab.get("run", '[data-run="bare"]').click()
    expect(tab.view.locator(".scrubber-unit")).to_have_text("epochs")
    expect(tab.get("scrubber-scalar")).to_be_disabled()


def test_the_other_run_lies_behind(look: Look, there: Served, runs: tuple[Path, dict[str, Run]]) -> None:
    tab = at(look, there).seek(LAST)
    picture = tracks(tab)
    below = 22  # this run's line, whose edges are as pale
    assert not len(rows_of(picture, place(picture, 5.5), GHOST, (below + 3, SCALAR[1]), 0))
    tab.get("compare").select_option("run:b")
    tab.view.locator("text=pale: b, epoch 12").first.wait_for()
    box, tip = tab.get("tracks").bounding_box(), tab.get("scrubber-tip")
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(tip).to_contain_text("b: change")
    assert agrees(tip.inner_text().split("b: change ")[1], changes(runs, "b", "waves")[5])
    picture = tracks(tab)
    # Both on one scale: this run's loss goes from 2 to 0.8, the other's from 1 to 0.4.
    level = (1 - 5.5 * STEPS / 100 - 0.4) / (2 - 0.4)
    line = line_at(picture, place(picture, 5.5), GHOST, below)
    assert line == pytest.approx(SCALAR[1] - level * (SCALAR[1] - SCALAR[0]), abs=2)


def test_two_snapshots_and_what_is_no_number(look: Look, there: Served) -> None:
    tab = at(look, there, "two")
    expect(tab.get("moment").first).to_have_accessible_name("largest change: epoch 1")
    expect(tab.get("moment").nth(1)).to_be_hidden()
    expect(tab.view.locator(".moment-values")).to_have_text(re.compile("^change [^·]+$"))
    tab.seek(0)
    expect(tab.view.locator(".moment-values")).to_have_text("loss 2")


def test_nothing_overlaps_at_480_pixels(look: Look, there: Served) -> None:
    tab = at(look, there, width=480, height=900)
    names = (
        "epoch-label",
        "newest",
        "speed",
        "pin",
        "bookmarks",
        "save-png",
        "save-csv",
        "save-json",
        "copy-link",
        "play",
    )
    boxes = {name: tab.get(name).bounding_box() for name in names}
    label = boxes["epoch-label"]
    assert label is not None
    assert label["height"] < 40  # one line
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            a, b = boxes[one], boxes[other]
            assert a is not None
            assert b is not None
            apart = a["x"] + a["width"] <= b["x"] + 0.5 or b["x"] + b["width"] <= a["x"] + 0.5
            apart = apart or a["y"] + a["height"] <= b["y"] + 0.5 or b["y"] + b["height"] <= a["y"] + 0.5
            assert apart, (one, other)


def test_the_overview_has_the_link_and_a_picture(look: Look, there: Served) -> None:
    allowed = {"permissions": ("clipboard-read", "clipboard-write")}
    tab = look(f"{there.frame}#p.filterscope.run=many", overview=True, height=700, **allowed)
    expect(tab.get("overview-row").first).to_be_visible()
    for name in ("save-csv", "save-json", "play", "pin", "newest"):
        expect(tab.get(name)).to_be_hidden()
    tab.get("copy-link").click()
    expect(tab.get("copy-link")).to_contain_text("Copied")
    link = tab.page.evaluate("navigator.clipboard.readText()")
    assert link == tab.page.url
    with tab.page.expect_download() as waiting:
        tab.get("save-png").click()
    assert waiting.value.suggested_filename == "many-overview.png"
    saved = np.asarray(Image.open(io.BytesIO(Path(waiting.value.path()).read_bytes())).convert("RGB")).astype(int)
    # The rows as they are on the page, words and colours.
    rows = tab.view.locator(".overview-rows").bounding_box()
    assert rows is not None
    shot = Picture.of(tab.page.screenshot(clip=rows)).pixels
    height = shot.shape[0]
    alike = np.abs(saved[-height:, : shot.shape[1]] - shot).max(axis=2) < 60
    assert alike.mean() > 0.97
    assert count_colours(saved[-height:, :200]) > 20  # names


def test_the_overview_is_asked_for_with_the_page(look: Look, there: Served) -> None:
    tab = look(f"{there.frame}#p.filterscope.run=many", overview=True)
    expect(tab.get("overview-row").first).to_be_visible()
    asked = "performance.getEntriesByType('resource').filter(one => /overview\\?|\\/layers/.test(one.name))"
    times = tab.page.evaluate(f"{asked}.map(one => [one.name.split('/').pop(), one.startTime, one.responseEnd])")
    found = {name: (start, end) for name, start, end in times}
    early = found["overview?likely=many"]
    assert early[0] < found["layers"][1]
    assert not [name for name in found if name.startswith("overview?run=")]


def test_a_running_fit_grows(look: Look, tmp_path: Path) -> None:
    run = Run(tmp_path / "only", [waves(0)], 30).add([0])
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        served.wait_for_step("only", "filters/waves/bank", 0)
        tab = look(served.frame).shows(0)
        expect(tab.get("tracks")).to_be_hidden()
        tab.page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 250)")
        run.add([1, 2])
        tab.shows(2)
        expect(tab.get("tracks")).to_be_visible()
        expect(tab.get("moment").nth(1)).to_have_accessible_name(re.compile(r"^second largest change: epoch [12]$"))
        run.log("loss", {STEPS: 3, 3 * STEPS: 2})
        run.add([3])
        tab.shows(3)
        expect(tab.view.locator(".moment-values")).to_have_text(re.compile(r"^change [\d.]+ · loss 2$"))
        expect(tab.view.locator(".scrubber-unit")).to_have_text("epochs")
        tab.page.goto("about:blank")  # before TensorBoard ends
