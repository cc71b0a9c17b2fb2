"""The Filters tab in a real browser: runs whose snapshots were taken by steps, within epochs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from filterscope.events import blob
from tests.support.blobs import by_hand, made
from tests.support.browser import LOADERS, Served, tensorboard, wait_for
from tests.support.synthetic import STEPS, Run
from tests.support.tab import GHOST, Look, Tab, pulse_tap, pulses, rotation_colour, waves

pytest_plugins = ["tests.support.tab_fixtures"]

RED = rotation_colour(1)
TAG = "filters/pulses/bank"
#: Snapshots in an epoch of the run by steps.
PER_EPOCH = 4
COUNT = 13
NEWEST = (COUNT - 1) * STEPS


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run by steps; two by epochs, one of as long epochs and one of longer ones; and a damaged one by steps."""
    directory = tmp_path_factory.mktemp("stepped")
    Run(directory / "a", [pulses(0), waves(0)], COUNT, per_epoch=PER_EPOCH).add(range(COUNT))
    epoch = PER_EPOCH * STEPS
    Run(directory / "plain", [pulses(1)], steps=epoch).add(range(4))
    Run(directory / "long", [pulses(2)], steps=2 * epoch).add(range(3))
    bad = Run(directory / "odd", [pulses(0)], COUNT, per_epoch=PER_EPOCH).add(range(4))
    header, weights = by_hand(bad.blobs[TAG][STEPS][0])[3:]
    content = json.dumps(header).encode()
    bad.add_bank(TAG, 4 * STEPS, [made(header | {"step": 4 * STEPS, "within_epoch": 1}, weights)], content)
    bad.add(range(5, 7))
    twice = Run(directory / "twice", [pulses(0)], COUNT).add(range(3))
    header, weights = by_hand(twice.blobs[TAG][2 * STEPS][0])[3:]
    anew = made(header | {"step": 3 * STEPS, "epoch": 3, "reference": True}, weights)
    twice.add_bank(TAG, 3 * STEPS, [anew], json.dumps(header).encode())
    twice.add(range(4, 5))
    with tensorboard(directory, LOADERS["fast"]) as running:
        for run, step in (
            ("a", NEWEST),
            ("plain", 3 * epoch),
            ("long", 4 * epoch),
            ("odd", 6 * STEPS),
            ("twice", 3 * STEPS),
        ):
            running.wait_for_step(run, TAG, step)
        wait_for(lambda: len(running.steps("odd", TAG)) == 7, "the damaged snapshot")
        yield running


@pytest.fixture
def steps(look: Look, stepped: Served) -> Tab:
    """The run by steps, all of it loaded."""
    return at(look(f"{stepped.frame}#p.filterscope.run=a").loaded(COUNT), NEWEST)


def at(tab: Tab, step: int) -> Tab:
    """Wait until a step is shown."""
    expect(tab.grid).to_have_attribute("data-step", str(step))
    return tab.shows()


def seek(tab: Tab, position: int) -> Tab:
    """Move the slider of a run of so many steps each."""
    tab.get("scrubber").fill(str(position))
    return at(tab, position * STEPS)


def saved(tab: Tab, kind: str) -> tuple[str, bytes]:
    with tab.page.expect_download() as waiting:
        tab.get(f"save-{kind}").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def titles(tab: Tab) -> list[str]:
    """Every word on the page that is only told by pointing or to a screen reader."""
    words = "all => all.flatMap(one => [one.title, one.ariaLabel]).filter(Boolean)"
    return [str(each) for each in tab.view.locator("[title], [aria-label]").evaluate_all(words)]


#: Writes down what is painted as text on any canvas, and what of it does not fit at its left.
_PAINTED = """
if (!window.painted) {
    Object.assign(window, {painted: new Set(), cut: new Set()});
    const fill = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, ...more) {
        window.painted.add(text);
        if (this.textAlign === "right" && x < this.measureText(text).width) window.cut.add(text);
        return fill.call(this, text, x, ...more);
    };
}
"""


def listened_to(look: Look, url: str) -> Tab:
    """A page, in a profile of its own, that writes down what it paints as text."""
    tab = look("about:blank", width=1500)
    tab.view = tab.page
    tab.page.add_init_script(_PAINTED)
    tab.page.goto(url)
    return tab


def test_the_label_tells_steps_and_the_epoch_beside_them(steps: Tab) -> None:
    label, note = steps.get("epoch-label"), steps.view.locator(".note")
    for position, epoch in [(COUNT - 1, 3), (7, 1), (6, 1), (0, 0)]:
        seek(steps, position)
        expect(label).to_have_text(f"step {position * STEPS}/ {NEWEST}")
        expect(note).to_have_text(f"epoch {epoch}")
        expect(steps.get("scrubber")).to_have_attribute("aria-valuetext", f"step {position * STEPS} / {NEWEST}")
        assert steps.tile(3).peak_tap(RED if position else rotation_colour(0)) == pulse_tap(0, 3, position)
    expect(steps.view.locator(".unseen[role=status]")).to_have_text("pulses, step 0")


def test_no_word_on_the_page_counts_epochs(steps: Tab) -> None:
    seek(steps, 6)
    steps.get("sort").select_option("drift")
    steps.click(2)
    expect(steps.get("detail")).to_be_visible()
    for mode in ("taps", "change", "response", "evolution"):
        steps.get(f"mode-{mode}").click()
        expect(steps.grid).to_have_attribute("data-mode", mode)
        words = steps.view.locator(".filterscope").inner_text()
        assert re.findall(r"(?i)epochs?.*", words) == ["epoch 1"]  # beside the label
        assert [title for title in titles(steps) if "epoch" in title.lower()] == []
    expect(steps.get("mode-evolution")).to_have_text("Steps × taps")
    expect(steps.get("mode-evolution")).to_have_attribute("title", re.compile("steps downwards"))
    expect(steps.view.locator(".summary")).to_contain_text("difference from step 0 · steps ↓ · taps →")
    expect(steps.get("pin")).to_have_accessible_name("Pin this step, and compare with it (p)")
    expect(steps.get("sort-again")).to_have_attribute("title", "Sorted at step 30. Sort again at this step")
    expect(steps.get("save-csv")).to_have_attribute("title", "Save the shown step's weights as a table")


def test_the_detail_lies_over_steps(look: Look, stepped: Served) -> None:
    tab = listened_to(look, f"{stepped.frame}#p.filterscope.run=a")
    tab.choose("waves").loaded(COUNT)
    seek(tab, 5)
    tab.click(2)
    detail = tab.get("detail")
    for title in ("Learned · steps ↓ taps →", "Response · steps ↓ frequency →"):
        expect(detail.get_by_text(title)).to_be_visible()
    expect(detail.get_by_text("pale: step 0").first).to_be_visible()
    expect(detail.get_by_role("img", name="Norm over the steps")).to_be_visible()
    painted = set(tab.page.evaluate("[...window.painted]"))
    assert {"step", "0", "20", "25", "40", "50"} <= painted  # along, and down
    assert "epoch" not in painted
    name = "heat map of the difference from the reference, steps by taps"
    canvas = detail.get_by_role("img", name=name)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    readout = detail.locator("figure").filter(has=tab.page.get_by_role("img", name=name)).locator(".plot-readout")
    found = re.match(r"step (\d+) · tap \d+: ", readout.inner_text())
    assert found is not None, readout.inner_text()
    tab.page.mouse.down()
    tab.page.mouse.up()
    at(tab, int(found[1]))
    tab.get("mode-evolution").click()
    expect(tab.grid).to_have_attribute("data-mode", "evolution")
    assert saved(tab, "png")[0] == f"a-waves-evolution-step{found[1]}.png"
    painted = set(tab.page.evaluate("[...window.painted]"))
    assert "waves · steps × taps" in painted
    assert [words for words in painted if words.startswith(f"a · step {found[1]} · ")]
    assert [words for words in painted if "epoch" in words] == []


def test_large_steps_fit_beside_their_axis(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "far", [pulses(0)], per_epoch=PER_EPOCH, steps=123_450).add(range(17))
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("far", TAG, 16 * 123_450)
        tab = listened_to(look, served.frame).loaded(17)
        tab.click(2)
        expect(tab.get("detail")).to_be_visible()
        expect(tab.get("epoch-label")).to_have_text("step 1975200/ 1975200")
        painted = set(tab.page.evaluate("[...window.painted]"))
        assert {"0", "617.3k", "1.23M", "1.85M"} <= painted
        assert tab.page.evaluate("[...window.cut]") == []
        tab.page.goto("about:blank")
        for width in (600, 800, 1600):
            tab = look(served.frame, width=width, height=900).loaded(17)
            label, newest, scrubber = (tab.get(name).bounding_box() for name in ("epoch-label", "newest", "scrubber"))
            assert label is not None
            assert newest is not None
            assert scrubber is not None
            assert label["x"] + label["width"] < newest["x"]
            assert label["y"] >= scrubber["y"] + scrubber["height"] or label["x"] > scrubber["x"] + scrubber["width"]
            tab.seek(0)
            if width >= 800:  # it stays as it is while playing
                assert tab.get("scrubber").bounding_box() == scrubber
            tab.page.goto("about:blank")  # before TensorBoard ends


def test_saved_files_are_named_by_steps_and_hold_both(steps: Tab) -> None:
    seek(steps, 7)
    assert saved(steps, "png")[0] == "a-pulses-taps-step35.png"
    name, content = saved(steps, "json")
    assert name == "a-pulses-weights-step35.json"
    found = json.loads(content)
    expected = {"run": "a", "epoch": 1, "step": 35, "reference_epoch": 0, "reference_step": 0}
    assert {key: found[key] for key in expected} == expected
    name, content = saved(steps, "csv")
    assert name == "a-pulses-weights-step35.csv"
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert {(row["epoch"], row["step"]) for row in rows} == {("1", "35")}


def test_the_last_reference_counts(look: Look, stepped: Served) -> None:
    tab = seek(at(look(f"{stepped.frame}#p.filterscope.run=twice").loaded(5), 4 * STEPS), 3)
    found = json.loads(saved(tab, "json")[1])
    assert (found["reference_epoch"], found["reference_step"]) == (3, 3 * STEPS)
    assert tab.tile(3).peak_tap(rotation_colour(0)) == pulse_tap(0, 3, 2)


def test_the_pinned_snapshot_is_told_by_its_step(steps: Tab) -> None:
    seek(steps, 6)
    steps.page.keyboard.press("p")
    expect(steps.get("compare")).to_have_value("pinned")
    expect(steps.get("pin")).to_have_accessible_name("Unpin this step")
    expect(steps.get("compare").locator("option:checked")).to_have_text("pinned: step 30")
    seek(steps, 7)  # of the same epoch
    steps.view.locator("text=pale: step 30").wait_for()
    assert steps.tile(2).peak_tap(GHOST, tolerance=20) == pulse_tap(0, 2, 6)


def test_another_run_is_compared_by_the_nearest_step(steps: Tab) -> None:
    # Epochs of the other run are twice as long: by epochs, another snapshot would be the nearest.
    steps.get("compare").select_option("run:long")
    for position, nearest in [(9, 1), (12, 2), (11, 1), (3, 0), (5, 1)]:
        seek(steps, position)
        steps.view.locator(f"text=pale: long, step {40 * nearest}").wait_for()
        assert steps.tile(2).peak_tap(GHOST, tolerance=20) == pulse_tap(2, 2, nearest)
    # Of a run by epochs, too, where the other one is by steps.
    steps.get("run", '[data-run="long"]').click()
    steps.get("compare").select_option("run:a")
    for position in (1, 0):
        steps.get("scrubber").fill(str(position))
        at(steps, 40 * position)
        expect(steps.get("epoch-label")).to_have_text(f"epoch {position}/ 2")
        steps.view.locator(f"text=pale: a, step {40 * position}").wait_for()
        if position:
            assert steps.tile(2).peak_tap(GHOST, tolerance=20) == pulse_tap(0, 2, 8)


def test_a_link_opens_the_same_step(look: Look, steps: Tab) -> None:
    seek(steps, 6)
    steps.page.keyboard.press("p")
    seek(steps, 7)
    steps.click(4)
    steps.page.wait_for_url("**/*filter=4*")
    steps.page.wait_for_url("**/*step=35*")
    link = steps.page.url
    tab = at(look(link), 7 * STEPS)
    expect(tab.get("epoch-label")).to_have_text(f"step 35/ {NEWEST}")
    expect(tab.get("compare")).to_have_value("pinned")
    expect(tab.get("detail")).to_have_attribute("data-filter", "4")
    tab.view.locator("text=pale: step 30").first.wait_for()


def test_a_damaged_word_on_steps_is_told_by_the_server(look: Look, stepped: Served) -> None:
    tab = at(look(f"{stepped.frame}#p.filterscope.run=odd").loaded(6), 6 * STEPS)
    for words in ("One snapshot of pulses", "step 20", "damaged filter bank", "within_epoch"):
        expect(tab.get("problem")).to_contain_text(words)
    seek(tab, 5)


@pytest.mark.parametrize("value", [b"1   ", b"null", b'"no"', b"[]  "])
def test_a_damaged_word_on_steps_is_told_by_the_browser(look: Look, stepped: Served, value: bytes) -> None:
    tab = look("about:blank")
    tab.view = tab.page

    def damage(route: Route) -> None:
        answer = route.fetch()
        body = answer.body().replace(b'"within_epoch":true', b'"within_epoch":' + value)
        route.fulfill(response=answer, body=body)

    tab.page.route("**/plugin/filterscope/banks*", damage)
    tab.page.goto(f"{stepped.frame}#p.filterscope.run=a")
    expect(tab.get("problem")).to_contain_text('damaged filter bank: its header has no usable "within_epoch"')
    expect(tab.grid).to_be_hidden()
    tab.page.unroute("**/plugin/filterscope/banks*")


def test_a_snapshot_without_the_word_is_of_an_epochs_end(look: Look, stepped: Served) -> None:
    assert "within_epoch" not in json.loads(blob.read_header(stepped.banks("plain", TAG, [20])[0][2]).to_json())
    tab = look(f"{stepped.frame}#p.filterscope.run=plain").loaded(4).shows(3)
    tab.seek(2)
    expect(tab.get("epoch-label")).to_have_text("epoch 2/ 3")
    expect(tab.view.locator(".note")).to_have_text("step 40")
    tab.click(2)
    expect(tab.get("detail").get_by_text("Learned · epochs ↓ taps →")).to_be_visible()
    expect(tab.get("mode-evolution")).to_have_text("Epochs × taps")
    assert saved(tab, "json")[0] == "plain-pulses-weights-epoch2.json"
    # From a run by steps to one by epochs and back, words follow.
    tab.get("run", '[data-run="a"]').click()
    expect(tab.get("epoch-label")).to_have_text(f"step 40/ {NEWEST}")
    tab.get("mode-evolution").click()
    expect(tab.get("mode-evolution")).to_have_text("Steps × taps")
    tab.get("run", '[data-run="plain"]').click()
    expect(tab.get("epoch-label")).to_have_text("epoch 2/ 3")
    expect(tab.get("mode-evolution")).to_have_text("Epochs × taps")


def test_runs_by_epochs_are_compared_by_epochs(look: Look, stepped: Served) -> None:
    tab = look(f"{stepped.frame}#p.filterscope.run=plain&p.filterscope.compare=run:long").loaded(4).shows(3)
    for epoch, nearest in [(3, 2), (1, 1), (2, 2)]:
        tab.seek(epoch)
        tab.view.locator(f"text=pale: long, epoch {nearest}").wait_for()
        assert tab.tile(2).peak_tap(GHOST, tolerance=20) == pulse_tap(2, 2, nearest)
