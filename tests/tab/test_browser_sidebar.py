"""The Filters tab in a real browser: the lists of runs and layers, their groups, order, search and keys."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.browser import LOADERS, Served, tensorboard, wait_for
from tests.support.synthetic import HOSTILE, Known, Run
from tests.support.tab import Look, Tab

pytest_plugins = ["tests.support.tab_fixtures"]

LONG = "net." + "n" * 146
ENCODER = [f"net.encoder.{i}.conv" for i in range(12)]
DECODER = [f"net.decoder.blocks.{i}.up" for i in range(10)]
#: Runs whose names differ at one end only.
FOLDS = ("study/lightning/lightning_logs/version_0", "study/lightning/lightning_logs/version_1")
#: In model order.
LAYERS = [*ENCODER, *DECODER, "net.head", LONG]
ORDERED = '[data-testid="layer"]:not([hidden])'


def turning(angle: float, epoch: int) -> np.ndarray:
    now = angle * epoch
    return np.array([[[math.cos(now), math.sin(now), 0]]] * 2)


#: How far each layer turns: no two alike, in no order of names.
ANGLES = {name: (7 * place % len(LAYERS) + 1) / len(LAYERS) for place, name in enumerate(LAYERS)}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One run of many layers, many runs of one, and one with names that break what is careless."""
    directory = tmp_path_factory.mktemp("many")
    Run(directory / "deep", [Known(name, partial(turning, ANGLES[name])) for name in LAYERS], 1).add(range(2))
    for run in FOLDS:
        Run(directory / run, [Known("encoder.blocks.0.branches.long.conv", partial(turning, 1))], 1).add(range(2))
    for i in range(30):
        Run(directory / f"small{i}", [Known("conv", partial(turning, 1))], 1).add(range(2))
    hostile = [Known(name, partial(turning, 1)) for name in HOSTILE]
    Run(directory / "hostile", hostile, 1).add(range(2))
    with tensorboard(directory, LOADERS["legacy"]) as running:  # the fast one refuses some of these names
        running.wait_for_step("deep", f"filters/{LONG}/bank", 5)
        running.wait_for_step("small29", "filters/conv/bank", 5)
        running.wait_for_step("hostile", f"filters/{HOSTILE[-1]}/bank", 5)
        yield running


@pytest.fixture
def deep(look: Look, many: Served) -> Tab:
    return look(f"{many.frame}#p.filterscope.run=deep").loaded(2).shows(1)


def listed(tab: Tab) -> list[str]:
    """The layers in sight of a reader of the list, in its order."""
    layers = tab.view.locator(ORDERED)
    return list(layers.evaluate_all("all => all.filter(o => o.checkVisibility()).map(o => o.dataset.layer)"))


def lists(tab: Tab, expected: list[str]) -> None:
    wait_for(lambda: listed(tab) == expected, f"the list to be {expected}", 15)


@pytest.mark.parametrize(("width", "height"), [(480, 800), (1100, 560), (1600, 900)])
def test_runs_and_layers_share_the_height(look: Look, many: Served, width: int, height: int) -> None:
    tab = look(f"{many.frame}#p.filterscope.run=deep", width=width, height=height, dark=width == 1100).loaded(2)
    if width == 480:
        tab.view.get_by_role("button", name="Runs and layers").click()
    sizes = {}
    for name in ("run-list", "layer-list"):
        part = tab.view.locator(f".{name}")
        expect(part).to_be_visible()
        sizes[name] = part.evaluate("part => [part.clientHeight, part.scrollHeight]")
        assert sizes[name][1] > sizes[name][0] > 100, sizes
        part.evaluate("part => part.scrollTo(0, 1e6)")
        last = part.locator("button").last
        expect(last).to_be_in_viewport()
    shares = [size for size, _ in sizes.values()]
    assert max(shares) < 1.8 * min(shares), sizes
    # A run of one layer leaves the room to the runs.
    tab.get("run", '[data-run="small3"]').click()
    tab.shows(1, "conv")
    assert tab.view.locator(".run-list").evaluate("part => part.clientHeight") > 1.2 * shares[0]
    assert tab.view.locator(".layer-list").evaluate("part => [part.clientHeight === part.scrollHeight]") == [True]


def test_a_run_chosen_among_all_layers_is_not_hidden_by_the_menu(look: Look, many: Served) -> None:
    tab = look(f"{many.frame}#p.filterscope.run=deep&p.filterscope.view=layers", width=480, height=800, overview=True)
    expect(tab.get("overview")).to_be_visible()
    tab.view.get_by_role("button", name="Runs", exact=True).click()
    tab.get("run", '[data-run="hostile"]').click()
    expect(tab.view.locator(".run-list")).to_be_hidden()
    expect(tab.get("overview").locator(".overview-row:not(.overview-names)")).to_have_count(len(HOSTILE))


def test_layers_are_grouped_and_what_all_share_is_said_once(deep: Tab) -> None:
    lists(deep, LAYERS)
    expect(deep.view.locator(".prefix")).to_have_text("in net")
    groups = deep.view.locator(".layer-group > summary .name")
    assert groups.all_inner_texts() == ["encoder", "decoder.blocks"]
    names = deep.view.locator('[data-testid="layer"] .name').all_inner_texts()
    assert names[:2] == ["0.conv", "1.conv"]
    assert names[12:14] == ["0.up", "1.up"]
    assert names[22] == "head"
    assert len(names[23]) < 40
    whole = deep.get("layer", f'[data-layer="{DECODER[3]}"]')
    expect(whole).to_have_attribute("title", DECODER[3])
    expect(whole).to_have_accessible_name(re.compile(f"^{re.escape(DECODER[3])} "))


def test_groups_are_closed_by_keyboard_and_open_for_what_is_shown(deep: Tab) -> None:
    summary = deep.view.get_by_text("decoder.blocks", exact=True)
    summary.locator("..").focus()
    deep.page.keyboard.press("Enter")
    expect(deep.get("layer", f'[data-layer="{DECODER[0]}"]')).to_be_hidden()
    lists(deep, [name for name in LAYERS if name not in DECODER])
    deep.choose(ENCODER[-1])
    deep.grid.focus()
    deep.page.keyboard.press("n")
    deep.shows(1, DECODER[0])
    expect(deep.get("layer", f'[data-layer="{DECODER[0]}"]')).to_be_in_viewport()
    lists(deep, LAYERS)


def test_the_order_is_the_models_or_by_change_or_name_and_stays_in_the_link(deep: Tab, look: Look) -> None:
    order = deep.get("layer-order")
    order.select_option("change")
    by_change = sorted(LAYERS, key=lambda name: -ANGLES[name])
    lists(deep, by_change)
    expect(deep.view.locator(".layer-group")).to_have_count(0)
    deep.page.wait_for_url("**layers=change*")
    elsewhere = look(deep.page.url).loaded(2)
    expect(elsewhere.get("layer-order")).to_have_value("change")
    lists(elsewhere, by_change)
    elsewhere.get("layer-order").select_option("name")
    # Numbers within names count: 2 comes before 10.
    lists(elsewhere, [*DECODER, *ENCODER, "net.head", LONG])
    elsewhere.get("layer-order").select_option("model")
    lists(elsewhere, LAYERS)


def test_keys_go_to_the_next_and_the_previous_layer_of_the_list(deep: Tab) -> None:
    deep.get("layer-order").select_option("change")
    order = listed(deep)
    deep.choose(order[0])
    deep.grid.focus()
    for key, place in [("n", 1), ("n", 2), ("N", 1), ("N", 0), ("N", 0)]:
        deep.page.keyboard.press(key)
        deep.shows(1, order[place])
    deep.get("search").focus()
    deep.page.keyboard.press("n")
    expect(deep.get("search")).to_have_value("n")
    deep.shows(1, order[0])


def test_layers_and_runs_are_found_by_their_names(deep: Tab) -> None:
    deep.get("layer-search").fill("1. CONV")
    lists(deep, [ENCODER[1], ENCODER[11]])
    expect(deep.view.locator(".sieve-status").nth(1)).to_have_text(f"2 of {len(LAYERS)}")
    expect(deep.view.locator(".layer-group:not([hidden])")).to_have_count(1)
    deep.page.keyboard.press("Enter")
    deep.shows(1, ENCODER[1])
    deep.click(1)
    expect(deep.get("detail")).to_be_visible()
    deep.get("layer-search").focus()
    deep.page.keyboard.press("Escape")
    expect(deep.get("layer-search")).to_have_value("")
    expect(deep.get("detail")).to_be_visible()
    lists(deep, LAYERS)
    deep.view.get_by_role("searchbox", name="Find a run by name").fill("small2")
    runs = deep.view.locator('[data-testid="run"]:not([hidden])')
    expect(runs).to_have_count(11)
    deep.page.keyboard.press("Enter")
    deep.shows(1, "conv")
    assert deep.get("run", '[aria-pressed="true"]').get_attribute("data-run") == "small2"


@pytest.mark.parametrize("width", [480, 1100, 1600])
def test_long_names_show_both_their_ends(look: Look, many: Served, width: int) -> None:
    tab = look(f"{many.frame}#p.filterscope.run={quote(FOLDS[1], safe='')}", width=width).loaded(2)
    if not tab.get("layer-list").is_visible():
        tab.view.get_by_role("button", name="Runs and layers").click()
    run, layer = tab.get("run", '[aria-pressed="true"]'), tab.get("layer")
    for one, ends in ((run, ("study", "version_1")), (layer, ("enc", "long.conv"))):
        one.scroll_into_view_if_needed()
        shown = one.locator(".name > span").evaluate_all(
            """parts => parts.map((part) => {
                const [room, box] = [part.parentElement.getBoundingClientRect(), part.getBoundingClientRect()];
                return [part.textContent, box.left >= room.left && box.right <= room.right + 0.5, box.width];
            })"""
        )
        assert [inside for _, inside, _ in shown] == [True, True]
        assert shown[0][0].startswith(ends[0])
        assert shown[0][2] > 30  # room for its beginning
        assert shown[1][0].endswith(ends[1])
    expect(run).to_have_accessible_name(FOLDS[1])


def test_short_lists_have_no_search(tab: Tab) -> None:
    expect(tab.get("layer-search")).to_be_hidden()
    expect(tab.get("run-search")).to_be_hidden()


def test_names_of_any_kind_are_text(look: Look, many: Served) -> None:
    tab = look(f"{many.frame}#p.filterscope.run=hostile").loaded(2)
    assert sorted(listed(tab)) == sorted(HOSTILE)
    for order in ("change", "name", "model"):
        tab.get("layer-order").select_option(order)
        wait_for(lambda: sorted(listed(tab)) == sorted(HOSTILE), "all names to be listed", 15)
    tab.get("layer-search").fill("<img src")
    lists(tab, [HOSTILE[0]])
    tab.page.keyboard.press("Enter")
    tab.shows(1, HOSTILE[0])
    assert tab.view.locator("html").evaluate("root => root.scrollWidth <= innerWidth")
