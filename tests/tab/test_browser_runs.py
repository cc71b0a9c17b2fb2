"""The Filters tab in a real browser: no run, one and several; runs that grow, are hostile, damaged, or out of reach."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Request, Route, expect

from filterscope.events import blob
from tests.support.browser import LOADERS, Served, tensorboard, wait_for
from tests.support.synthetic import BEGAN, DAMAGES, HOSTILE, STEPS, Layer, Run, damaged
from tests.support.tab import LAST, RUNS, Look, Tab, Written, pulse_tap, pulses, rotation_colour, waves

pytest_plugins = ["tests.support.tab_fixtures"]

RED = rotation_colour(1)
RUN_NAMES = ("<img src=x onerror=alert(2)>", 'it\'s "quoted"', "прогон 実行 😀", "r" * 250, "a&b=c#d%20e")


def names(tab: Tab, kind: str) -> list[str]:
    found = tab.get(kind).evaluate_all(f"all => all.map(one => one.dataset.{kind})")
    assert isinstance(found, list)
    return found


def come_back_often(tab: Tab) -> None:
    """As a user who goes to another window and back: the tab looks for new data then, not only every few seconds."""
    tab.page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 250)")


def test_a_run_is_live_for_as_long_as_its_next_snapshot_may_come(look: Look, tmp_path: Path) -> None:
    """Snapshots a second apart, a hundred seconds apart, and a single one; all of them began at the same time."""
    ends = {"quick": 5 + 20, "slow": 200 + 300, "single": 90}
    for name, epochs in {"quick": range(6), "slow": (0, 100, 200), "single": (0,)}.items():
        Run(tmp_path / name, [pulses(0)], 200).add(epochs)
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        served.wait_for_step("slow", "filters/pulses/bank", 200 * STEPS)
        tab = look(served.frame).shows()
        expect(tab.get("run")).to_have_count(3)
        come_back_often(tab)
        for end in ends.values():
            for now in (end - 2, end + 2):
                tab.page.clock.set_fixed_time(datetime.fromtimestamp(BEGAN + now, UTC))
                for name, its_end in ends.items():
                    live = tab.get("run", f'[data-run="{name}"] .live')
                    expect(live).to_be_visible(visible=now < its_end)
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_no_run_then_one_that_grows(look: Look, tmp_path: Path) -> None:
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        tab = look(served.frame)
        empty = tab.get("empty")
        for width in (480, 700, 1100, 1600):
            tab.page.set_viewport_size({"width": width, "height": 800})
            box = empty.bounding_box()
            assert box is not None
            assert box["width"] == pytest.approx(min(560, width - 48), abs=16), width
        code = empty.locator("code").inner_text()
        compile(code, "example", "exec")
        for line in (
            "from filterscope import Conv1dFilterMonitor",
            "callbacks=[Conv1dFilterMonitor()]",
            "trainer.fit(",
        ):
            assert line in code
        run = Run(tmp_path / "only", [pulses(0)], 30).add(range(3))
        tab.shows(2)
        expect(empty).to_be_hidden()
        come_back_often(tab)
        assert names(tab, "run") == ["only"]
        assert tab.tile(3).peak_tap(RED) == pulse_tap(0, 3, 2)
        run.add([3, 4])
        tab.shows(4)
        assert tab.tile(3).peak_tap(RED) == pulse_tap(0, 3, 4)
        expect(tab.get("newest")).to_have_attribute("aria-pressed", "true")
        tab.seek(1)
        expect(tab.get("newest")).to_have_attribute("aria-pressed", "false")
        run.add([5])
        tab.loaded(6)
        expect(tab.get("scrubber")).to_have_attribute("max", "5")
        assert tab.epoch == 1
        assert tab.tile(3).peak_tap(RED) == pulse_tap(0, 3, 1)
        tab.get("newest").click()
        tab.shows(5)
        run.add([6, 7])
        tab.shows(7)
        new = Run(tmp_path / "second", [pulses(1)], 30).add(range(2))
        expect(tab.get("run")).to_have_count(2)
        tab.get("run", '[data-run="second"]').click()
        tab.shows(1)
        assert tab.tile(3).peak_tap(RED) == pulse_tap(1, 3, 1)
        assert len(new.blobs) == 1
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_a_run_that_nothing_is_compared_with_any_more_is_not_asked_for(look: Look, tmp_path: Path) -> None:
    growing = Run(tmp_path / "growing", [pulses(0)], 30).add(range(3))
    Run(tmp_path / "old", [pulses(1)], 30).add(range(3))

    def about(run: str) -> Callable[[Request], bool]:
        return lambda request: f"/overview?run={run}&" in f"{request.url}&"

    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        for name in ("growing", "old"):
            served.wait_for_step(name, "filters/pulses/bank", 2 * STEPS)
        tab = look(f"{served.frame}#p.filterscope.run=growing&p.filterscope.compare=run:old").shows(2)
        come_back_often(tab)
        with tab.page.expect_request(about("old")):
            growing.add([3])
        tab.shows(3).get("compare").select_option("initial")
        asked: list[Request] = []
        tab.page.on("request", lambda request: asked.append(request))
        for epoch in (4, 5):
            with tab.page.expect_request(about("growing")):
                growing.add([epoch])
            tab.shows(epoch)
        assert not list(filter(about("old"), asked))
        with tab.page.expect_request(about("old")):
            tab.get("compare").select_option("run:old")
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_a_layer_that_grew_out_of_sight_is_up_to_date_when_chosen_again(look: Look, tmp_path: Path) -> None:
    run = Run(tmp_path / "ended", [pulses(0), waves(0)], 30).add(range(3))
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        served.wait_for_step("ended", "filters/waves/bank", 2 * STEPS)
        tab = look(served.frame).shows(2, "pulses")
        come_back_often(tab)
        tab.choose("waves").shows(2)
        run.add([3, 4])
        tab.shows(4).choose("pulses").shows(4)
        assert tab.tile(3).peak_tap(RED) == pulse_tap(0, 3, 4)
        expect(tab.get("scrubber")).to_have_attribute("max", "4")
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_a_run_written_where_one_was_deleted_is_the_new_one(look: Look, tmp_path: Path) -> None:
    Run(tmp_path / "only", [pulses(0)], 30).add(range(3))
    with tensorboard(tmp_path, LOADERS["fast"], "--reload_interval=1") as served:
        tab = look(served.frame).shows(2)
        come_back_often(tab)
        shutil.rmtree(tmp_path / "only")
        expect(tab.get("empty")).to_be_visible()
        Run(tmp_path / "only", [pulses(1)], 30).add([10, 11])
        tab.loaded(2).shows(11)
        assert tab.tile(3).peak_tap(RED) == pulse_tap(1, 3, 11)
        tab.page.goto("about:blank")  # before TensorBoard ends


def test_several_runs_keep_the_layer_that_is_looked_at(tab: Tab) -> None:
    assert names(tab, "run") == list(RUNS)
    assert names(tab, "layer") == ["pulses", "waves", "block.cells", "block.deep", "noise"]
    tab.seek(5)
    for i, run in reversed(list(enumerate(RUNS))):
        tab.get("run", f'[data-run="{run}"]').click()
        expect(tab.get("run", f'[data-run="{run}"]')).to_have_attribute("aria-pressed", "true")
        tab.shows(5, "pulses")
        assert tab.tile(3).peak_tap(RED) == pulse_tap(i, 3, 5)
        choices = tab.get("compare").locator("option").evaluate_all("all => all.map(one => one.value)")
        assert [one for one in choices if one.startswith("run:")] == [f"run:{name}" for name in RUNS if name != run]


def test_monitors_of_one_run_are_told_apart(tab: Tab) -> None:
    tab.get("run", f'[data-run="{RUNS[2]}"]').click()
    expect(tab.get("layer")).to_have_count(6)
    headings = tab.get("layer-list").get_by_role("heading").all_inner_texts()
    assert sorted(headings) == ["filters", "teacher"]
    tab.get("layer", '[data-tag="teacher/conv1/bank"]').click()
    tab.shows(2, "conv1")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Names that break what is careless, on the legacy loader: the fast one cannot read all of them."""
    directory = tmp_path_factory.mktemp("hostile")
    layers = [Layer(name, (4, 1, 9), seed) for seed, name in enumerate(HOSTILE)]
    for name in RUN_NAMES:
        Run(directory / name, layers if name == RUN_NAMES[0] else layers[:1], 3).add(range(3))
    with tensorboard(directory, LOADERS["legacy"]) as running:
        wait_for(lambda: set(running.layers()) == set(RUN_NAMES), "all runs")
        running.wait_for_step(RUN_NAMES[0], f"filters/{HOSTILE[-1]}/bank", 2 * STEPS)
        yield running


_STICKS_OUT = """
root => [...root.querySelectorAll("body *")].filter(one => {
    const box = one.getBoundingClientRect();
    return one.checkVisibility() && box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
}).map(one => one.className + " " + one.textContent.slice(0, 40)).concat(
    [...root.querySelectorAll(".sidebar, .toolbar, .transport, .detail, .problem")]
        .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
        .map(one => one.className + " scrolls sideways"))
"""


@pytest.mark.parametrize("width", [620, 1300])
def test_hostile_names_are_shown_as_they_are(look: Look, hostile: Served, width: int) -> None:
    tab = look(hostile.frame, width=width, height=900).shows()
    root = tab.view.locator("html")
    if not tab.get("layer-list").is_visible():
        tab.view.get_by_role("button", name="Runs and layers").click()
    assert sorted(names(tab, "run")) == sorted(RUN_NAMES)
    tab.get("run").nth(names(tab, "run").index(RUN_NAMES[0])).click()
    expect(tab.get("layer")).to_have_count(len(HOSTILE))
    assert names(tab, "layer") == list(HOSTILE)
    for place, name in enumerate(HOSTILE):
        if not tab.get("layer-list").is_visible():
            tab.view.get_by_role("button", name="Runs and layers").click()
        button = tab.get("layer").nth(place)
        if len(name) < 25 and name.isprintable():
            expect(button).to_contain_text(name)
        assert name in (button.get_attribute("title") or "")
        button.click()
        expect(tab.grid).to_have_attribute("data-layer", name)
        tab.shows(2)
        tab.page.keyboard.press("ArrowDown")
        expect(tab.get("detail")).to_have_attribute("data-filter", "0")
        assert root.evaluate(_STICKS_OUT) == []
        with tab.page.expect_download() as waiting:
            tab.get("save-csv").click()
        assert re.fullmatch(r"[^\s/\\<>:\"|?*]{1,120}\.csv", waiting.value.suggested_filename)
        tab.page.keyboard.press("Escape")
    assert root.evaluate("root => root.querySelectorAll('img').length") == 0


@pytest.mark.parametrize(("inside", "run", "layer"), [(True, 0, 5), (False, 0, 8), (False, 1, 0), (False, 4, 0)])
def test_a_link_to_hostile_names_opens_them(look: Look, hostile: Served, inside: bool, run: int, layer: int) -> None:
    tab = look(hostile.tab if inside else hostile.frame, width=1300).shows()
    tab.get("run").nth(names(tab, "run").index(RUN_NAMES[run])).click()
    expect(tab.get("run", '[aria-pressed="true"]')).to_have_attribute("data-run", RUN_NAMES[run])
    tab.get("layer").nth(layer).click()
    expect(tab.grid).to_have_attribute("data-layer", HOSTILE[layer])
    tab.seek(1)
    tab.page.wait_for_url("**/*step=5*")
    tab.page.reload()
    tab.shows(1, HOSTILE[layer])
    expect(tab.get("run", '[aria-pressed="true"]')).to_have_attribute("data-run", RUN_NAMES[run])


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Damaged runs, on the fast loader and below a path."""
    directory = tmp_path_factory.mktemp("broken")
    damaged(directory / "damaged")
    mixed = Run(directory / "mixed", [pulses(0)], LAST).add(range(4))
    whole = blob.encode(pulses(0).bank(4, LAST))
    content = blob.read_header(whole).to_json()
    mixed.add_bank("filters/pulses/bank", 4 * STEPS, [DAMAGES["newer version"][0](whole)], content)
    mixed.add(range(5, 8))
    with tensorboard(directory, LOADERS["fast"], "--path_prefix=/some/where") as running:
        running.wait_for_step("mixed", "filters/pulses/bank", 7 * STEPS)
        wait_for(lambda: "end" in running.ask("data/plugin/scalars/tags").json.get("damaged", ()), "the damaged run")
        yield running


def test_a_bank_of_a_newer_version_is_told_and_the_others_work(look: Look, broken: Served) -> None:
    tab = look(f"{broken.tab}&p.filterscope.run=mixed").shows(7, "pulses")
    problem = tab.get("problem")
    for words in ("One snapshot of pulses", "step 20", "version 3", "upgrade"):
        expect(problem).to_contain_text(words)
    for position, epoch in [(0, 0), (3, 3), (5, 5), (7, 7)]:
        tab.get("scrubber").fill(str(position))
        tab.shows(epoch)
        assert tab.tile(3).peak_tap(RED if epoch else rotation_colour(0)) == pulse_tap(0, 3, epoch)
    tab.get("scrubber").fill("4")  # the damaged one: the nearest is shown, and told to be another
    expect(tab.grid).to_have_attribute("data-ready", "false")
    assert tab.epoch in (3, 5)
    expect(tab.get("epoch-label")).to_contain_text(f"epoch {tab.epoch}")
    assert tab.tile(3).peak_tap(RED) == pulse_tap(0, 3, tab.epoch)
    for mode in ("change", "response", "evolution", "taps"):
        tab.get(f"mode-{mode}").click()
        expect(tab.grid).to_have_attribute("data-mode", mode)
    tab.get("scrubber").fill("0")
    tab.get("speed").select_option("8")
    tab.get("play").click()
    tab.shows(7)


def test_damaged_banks_are_told_and_whole_ones_shown(look: Look, broken: Served) -> None:
    tab = look(f"{broken.frame}#p.filterscope.run=damaged").shows()
    tab.choose("conv1").shows(len(DAMAGES) + 1)
    for words in ("snapshot", "conv1 cannot be shown", "step 5", "damaged", "upgrade"):
        expect(tab.get("problem")).to_contain_text(words)
    tab.get("scrubber").fill("0")
    tab.shows(0)
    hopeless = ("noise", "newer", "hollow")
    assert set(hopeless) <= set(names(tab, "layer"))
    for layer in hopeless:
        tab.get("layer", f'[data-layer="{layer}"]').click()
        expect(tab.get("layer", f'[data-layer="{layer}"]')).to_have_attribute("aria-pressed", "true")
        expect(tab.get("problem")).to_contain_text(re.compile("damaged|upgrade|newer|cannot"))
        expect(tab.grid).to_be_hidden()
    tab.get("layer", '[data-layer="conv1"]').first.click()
    tab.shows(0, "conv1")
    tab.get("run", '[data-run="mixed"]').click()
    tab.shows(layer="pulses")


def test_a_tensorboard_that_does_not_answer_is_told_and_waited_for(look: Look, served: Served) -> None:
    tab = look(served.frame).loaded().seek(2)
    come_back_often(tab)
    tab.page.route("**/plugin/filterscope/layers*", lambda route: route.abort())
    expect(tab.get("problem")).to_contain_text("TensorBoard does not answer")
    tab.seek(6)
    assert tab.tile(3).peak_tap(RED) == pulse_tap(0, 3, 6)
    tab.page.unroute("**/plugin/filterscope/layers*")
    expect(tab.get("problem")).to_be_hidden()
    assert all("net::ERR_FAILED" in problem for problem in tab.problems)
    tab.problems.clear()


def test_broken_snapshots_in_transit_are_asked_for_again(look: Look, served: Served, written: Written) -> None:
    tab = look("about:blank")
    tab.view = tab.page
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        if len(refused) == 1:
            route.fulfill(status=500, body="<h1>proxy</h1>")
        else:
            route.continue_()

    tab.page.route("**/plugin/filterscope/banks*", refuse)
    tab.page.goto(f"{served.frame}#p.filterscope.view=layer")
    come_back_often(tab)
    tab.loaded().shows(LAST, "pulses")
    expect(tab.get("problem")).to_be_hidden()
    tab.page.unroute("**/plugin/filterscope/banks*")
    assert refused
    assert all("500" in problem for problem in tab.problems)
    tab.problems.clear()
