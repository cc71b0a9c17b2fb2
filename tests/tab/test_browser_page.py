"""The Filters tab as a page: its address, dark mode, narrow windows, keyboard and screen readers."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.support.browser import Served
from tests.support.tab import LAST, RUNS, Look, Tab, rotation_colour

pytest_plugins = ["tests.support.tab_fixtures"]

WIDTHS = (600, 800, 1600)


def chosen(tab: Tab, kind: str) -> str | None:
    return tab.get(kind, '[aria-pressed="true"]').get_attribute(f"data-{kind}")


def go_somewhere(tab: Tab) -> None:
    """Choose another run, layer, epoch, mode, order, and a filter."""
    tab.get("run", '[data-run="b"]').click()
    tab.choose("waves").loaded().seek(5)
    tab.get("sort").select_option("norm")
    tab.get("mode-response").click()
    tab.get("compare").select_option("run:a")
    tab.click(4)
    expect(tab.get("detail")).to_have_attribute("data-filter", "4")


def is_there(tab: Tab) -> None:
    tab.shows(5, "waves")
    assert (chosen(tab, "run"), chosen(tab, "layer")) == ("b", "waves")
    expect(tab.grid).to_have_attribute("data-mode", "response")
    expect(tab.grid).to_have_attribute("data-sort", "norm")
    expect(tab.get("compare")).to_have_value("run:a")
    expect(tab.get("detail")).to_have_attribute("data-filter", "4")


def test_a_link_and_a_reload_open_the_same_view(look: Look, served: Served) -> None:
    allowed = {"permissions": ("clipboard-read", "clipboard-write")}
    tab = look(served.tab, **allowed).loaded()
    go_somewhere(tab)
    tab.page.wait_for_url("**/*filter=4*")
    assert "#filterscope" in tab.page.url
    order = tab.order
    tab.get("copy-link").click()
    expect(tab.get("copy-link")).to_contain_text("Copied")
    link = tab.page.evaluate("navigator.clipboard.readText()")
    assert link == tab.page.url
    tab.page.reload()
    is_there(tab)
    assert tab.order == order
    elsewhere = look(link, **allowed)
    is_there(elsewhere)
    assert elsewhere.order == order


def test_a_choice_just_before_a_reload_is_kept(tab: Tab) -> None:
    tab.choose("waves")
    tab.get("mode-change").click()
    tab.page.reload()
    tab.shows(LAST, "waves")
    expect(tab.grid).to_have_attribute("data-mode", "change")


def test_another_tab_of_tensorboard_and_back(look: Look, served: Served) -> None:
    tab = look(served.tab).loaded().seek(3)
    tab.page.wait_for_url("**/*step=15*")
    tab.page.get_by_role("tab", name="Scalars").or_(tab.page.get_by_text("Time Series")).first.click()
    expect(tab.grid).to_be_hidden()
    tab.page.get_by_text("Filters", exact=True).first.click()
    expect(tab.grid).to_be_visible()
    tab.shows(3)


def test_an_address_that_makes_no_sense_is_ignored(look: Look, served: Served) -> None:
    odd = "p.filterscope.step=-3&p.filterscope.mode=x&p.filterscope.filter=99999&p.filterscope.run=none"
    odd += "&p.filterscope.tag=<img src=x>&p.filterscope.pin=1e9&p.filterscope.compare=run:none&p.filterscope.=%ZZ&=&%"
    tab = look(f"{served.frame}#{odd}")
    tab.shows(LAST, "pulses")
    expect(tab.grid).to_have_attribute("data-mode", "change")
    assert chosen(tab, "run") == "a"


def darkness(tab: Tab) -> float:
    """Mean brightness of the tab's screenshot, 0 to 255."""
    shot = tab.page.screenshot(clip={"x": 300, "y": 120, "width": 900, "height": 700})
    return float(np.asarray(Image.open(io.BytesIO(shot)).convert("L")).mean())


def test_dark_mode_follows_the_switch_at_once(look: Look, served: Served) -> None:
    tab = look(served.tab, height=900).loaded().shows(LAST, "pulses")
    root = tab.view.locator("html")
    for choice, theme in [("Dark", "dark"), ("Light", "light"), ("Dark", "dark")]:
        tab.page.get_by_role("button", name="Menu for changing light or dark theme").click()
        tab.page.get_by_role("menuitem", name=re.compile(f"{choice}|{theme}")).first.click()
        expect(tab.page.get_by_role("menuitem")).to_have_count(0)
        expect(root).to_have_attribute("data-theme", theme)
        tab.tile(1)
        assert darkness(tab) < 60 if theme == "dark" else darkness(tab) > 200
    tile = tab.tile(3)
    assert tile.count(rotation_colour(1), 40) > 30
    assert tile.plot.min(axis=2).mean() < 60
    tab.page.set_viewport_size({"width": 600, "height": 700})
    tab.shows()
    assert root.evaluate(_OUT_OF_SIGHT) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 600


def test_without_tensorboard_around_it_the_system_decides(look: Look, served: Served) -> None:
    tab = look(served.frame, dark=True).loaded()
    expect(tab.view.locator("html")).to_have_attribute("data-theme", "dark")
    assert darkness(tab) < 60


_OUT_OF_SIGHT = """
root => {
    const wrong = [];
    const shown = element => element.checkVisibility({visibilityProperty: true});
    for (const one of root.querySelectorAll("button, select, input")) {
        if (!shown(one) || one.closest(".sidebar")) continue;
        const box = one.getBoundingClientRect();
        const name = one.dataset.testid ?? one.ariaLabel ?? one.textContent;
        if (box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight)
            wrong.push(`${name} is outside: ${[box.left, box.top, box.right, box.bottom].map(Math.round)}`);
        if (one.disabled) continue;
        const hit = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
        if (!one.contains(hit) && !hit?.contains(one)) wrong.push(`${name} is covered by ${hit?.className}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page scrolls sideways");
    return wrong;
}
"""
CONTROLS = ("play", "scrubber", "speed", "pin", "save-png", "save-csv", "save-json", "copy-link", "mode-taps")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_control_is_in_sight_at_any_width(look: Look, served: Served, width: int) -> None:
    tab = look(served.frame, width=width, height=700).loaded()
    root = tab.view.locator("html")
    tab.choose_in_menu("waves")
    for control in (*CONTROLS, "sort", "scale", "search", "mode-evolution", "epoch-label", "newest"):
        expect(tab.get(control)).to_be_visible()
    assert root.evaluate(_OUT_OF_SIGHT) == []
    tab.choose_in_menu("block.deep")
    expect(tab.get("channels")).to_be_visible()
    tab.get("sort").select_option("drift")
    expect(tab.get("sort-again")).to_be_visible()
    assert root.evaluate(_OUT_OF_SIGHT) == []
    tab.get("mode-response").click()
    tab.click(tab.order[0])
    expect(tab.get("detail")).to_be_visible()
    close = tab.get("detail").get_by_role("button", name="Close")
    close.click()
    expect(tab.get("detail")).to_be_hidden()


def nodes(tab: Tab) -> list[dict[str, Any]]:
    """What a screen reader is told, from the browser itself."""
    session = tab.page.context.new_cdp_session(tab.page)
    return [node for node in session.send("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]


def test_everything_that_can_be_used_has_a_name(tab: Tab) -> None:
    tab.choose("block.deep")
    tab.get("sort").select_option("drift")
    tab.click(2)
    expect(tab.get("detail")).to_be_visible()
    used = {"button", "combobox", "slider", "searchbox", "textbox", "image", "group", "navigation", "complementary"}
    found = [node for node in nodes(tab) if node["role"]["value"] in used]
    nameless = [node["role"]["value"] for node in found if not node.get("name", {}).get("value", "").strip()]
    assert nameless == []
    names = [node["name"]["value"] for node in found]
    assert len(found) > 30
    assert len([name for name in names if "waves" in name]) >= 1
    expect(tab.get("scrubber")).to_have_attribute("aria-valuetext", re.compile(f"epoch {LAST}"))


_FOCUSED = """
() => { const one = document.activeElement; return one === document.body ? null :
    [...document.querySelectorAll("button, select, input, canvas, [tabindex]")].indexOf(one) + "|" +
    one.dataset.testid + "|" + (one.dataset.tag ?? one.dataset.run ?? one.ariaLabel ?? one.className); }
"""
_REACHABLE = """
root => [...root.querySelectorAll("button, select, input")]
    .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled)
    .map(one => [...document.querySelectorAll("button, select, input, canvas, [tabindex]")].indexOf(one) + "|" +
        one.dataset.testid + "|" + (one.dataset.tag ?? one.dataset.run ?? one.ariaLabel ?? one.className))
"""


def changed(before: bytes, after: bytes) -> int:
    one, other = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int) for png in (before, after))
    return int((np.abs(one - other).max(axis=2) > 40).sum())


def around(tab: Tab, focused: Locator) -> Any:
    box = focused.bounding_box()
    assert box is not None
    x, y = max(box["x"] - 5, 0), max(box["y"] - 5, 0)
    return {"x": x, "y": y, "width": box["width"] + 10, "height": box["height"] + 10}


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(tab: Tab) -> None:
    tab.choose("waves")
    tab.click(2)
    expect(tab.get("detail")).to_be_visible()
    wanted = set(tab.view.locator("html").evaluate(_REACHABLE))
    assert len(wanted) > 25
    tab.page.mouse.move(1, 1)
    tab.page.evaluate("document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(80):
        tab.page.keyboard.press("Tab")
        here = tab.page.evaluate(_FOCUSED)
        if here in seen:
            break
        if here is None:  # from the last one round to the first
            continue
        seen.append(here)
        clip = around(tab, tab.view.locator(":focus"))
        focused = tab.page.screenshot(clip=clip)
        tab.page.evaluate("document.activeElement.blur()")  # the next Tab goes on from there
        assert changed(focused, tab.page.screenshot(clip=clip)) > 20, f"the focus on {here} cannot be seen"
    assert wanted - set(seen) == set()


def test_layers_and_modes_by_keyboard_alone(tab: Tab) -> None:
    tab.get("layer", '[data-layer="waves"]').focus()
    tab.page.keyboard.press("Enter")
    tab.shows(LAST, "waves")
    tab.get("run", f'[data-run="{RUNS[1]}"]').focus()
    tab.page.keyboard.press("Space")
    tab.shows(LAST, "waves")
    assert chosen(tab, "run") == RUNS[1]
    expect(tab.grid).to_have_attribute("data-run", RUNS[1])  # its filters have come
    expect(tab.get("play")).to_have_accessible_name("Play")
    tab.grid.focus()
    tab.page.keyboard.press("ArrowDown")
    expect(tab.get("detail")).to_have_attribute("data-filter", "0")
    tab.page.keyboard.press("Home")
    tab.shows(0)
    tab.page.keyboard.press("p")
    expect(tab.get("compare")).to_have_value("pinned")


def test_the_grid_is_called_by_what_it_shows_whatever_has_changed(tab: Tab) -> None:
    tab.choose("waves").seek(3)
    expect(tab.grid).to_have_attribute("aria-label", re.compile("^waves, epoch 3: 6 filters, taps; median rotation"))
    tab.get("mode-response").click()
    expect(tab.grid).to_have_attribute(
        "aria-label", re.compile("^waves, epoch 3: 6 filters, response; median rotation")
    )
    tab.choose("noise").shows(3, "noise")
    expect(tab.grid).to_have_attribute("aria-label", re.compile("^noise, epoch 3: .* response; "))
    tab.get("compare").select_option("none")
    expect(tab.grid).to_have_attribute("aria-label", re.compile("^noise, epoch 3: [^;]* response$"))


def test_the_title_above_responses_has_room_in_a_narrow_window(look: Look, served: Served) -> None:
    tab = look(f"{served.frame}#p.filterscope.mode=response", width=360, height=800).shows()
    assert tab.view.locator("html").evaluate("root => root.scrollWidth") <= 360
    for part in (".plot-title", ".plot-readout"):
        shown = tab.get("passes").locator(part)
        assert shown.evaluate("one => one.scrollWidth <= one.clientWidth && one.getBoundingClientRect().right <= 360")
        assert shown.inner_text()
    # Words under the pointer move nothing.
    before = tab.get("passes").bounding_box()
    tab.get("passes").get_by_role("img").hover()
    expect(tab.get("passes").locator(".plot-readout")).not_to_have_text("pale: epoch 0")
    assert tab.get("passes").bounding_box() == before


def test_what_is_chosen_and_what_colours_mean_is_seen_in_forced_colours(look: Look, served: Served) -> None:
    tab = look(served.frame, forced_colors="active").shows()
    for kind, chosen, other in (("segment", "Taps", "Change"), ("layer", "pulses", "waves"), ("run", "a", "b")):
        buttons = [
            tab.view.locator(f".{kind}").filter(has_text=re.compile(f"^{name}")).first for name in (chosen, other)
        ]
        shots = [Image.open(io.BytesIO(each.screenshot())).convert("RGB") for each in buttons]
        assert len({shot.getpixel((shot.width // 2, 4)) for shot in shots}) == 2, kind
    bar = np.asarray(Image.open(io.BytesIO(tab.view.locator(".legend-bar").first.screenshot())).convert("RGB"))
    assert len(np.unique(bar.reshape(-1, 3), axis=0)) > 20
