"""Bookmarks of layer, filter and moment: set, followed and taken away by keyboard alone, and kept in the link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import HOSTILE, STEPS, Layer, Run
from tests.support.tab import LAST, Look, Picture, Tab

pytest_plugins = ["tests.support.tab_fixtures"]

BLUE = (0x2F, 0x6D, 0xB3)


def linked(*marks: tuple[int, int | None, str]) -> str:
    """What the address says of bookmarks."""
    texts = []
    for step, number, layer in marks:
        tag = f"filters/{layer}/bank".replace("%", "%25").replace(",", "%2C")
        texts.append(f"{step}_{'' if number is None else number}_{tag}")
    return f"p.filterscope.marks={quote(','.join(texts), safe='')}"


def test_by_keyboard_alone(tab: Tab) -> None:
    tab.choose("waves")
    tab.grid.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
        tab.page.keyboard.press(key)
    tab.shows(3)
    tab.page.keyboard.press("b")
    mark = tab.view.get_by_role("button", name="Bookmark: epoch 3", exact=True)
    expect(mark).to_be_visible()
    expect(tab.view.locator(".unseen[role=status]")).to_have_text("Bookmark set")
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("b")
    expect(tab.view.get_by_role("button", name="Bookmark: filter 0, epoch 3", exact=True)).to_be_visible()
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("End")
    tab.shows(LAST)
    # A sign on the scrubber leads there.
    tab.tab_to(mark)
    tab.page.keyboard.press("Enter")
    tab.shows(3)
    expect(tab.get("detail")).to_be_hidden()
    # So does the list, from another layer.
    tab.choose("pulses")
    expect(tab.get("mark")).to_have_count(0)
    expect(tab.get("bookmarks")).to_have_accessible_name("Bookmarks: 2")
    tab.tab_to(tab.get("bookmarks"))
    tab.page.keyboard.press("Enter")
    expect(tab.get("bookmark-list")).to_be_visible()
    assert tab.get("bookmark").all_inner_texts() == ["waves · epoch 3", "waves · filter 0 · epoch 3"]
    tab.tab_to(tab.get("bookmark").nth(1))
    tab.page.keyboard.press("Enter")
    tab.shows(3, "waves")
    expect(tab.get("bookmark-list")).to_be_hidden()
    expect(tab.get("detail")).to_have_attribute("data-filter", "0")
    # The key again takes it away, and so does the list.
    tab.page.keyboard.press("b")
    expect(tab.get("mark")).to_have_count(1)
    tab.tab_to(tab.get("bookmarks"))
    tab.page.keyboard.press("Enter")
    tab.tab_to(tab.view.get_by_role("button", name="Remove the bookmark waves · epoch 3"))
    tab.page.keyboard.press("Enter")
    expect(tab.get("bookmark")).to_have_count(0)
    expect(tab.get("bookmark-list")).to_contain_text("None yet")
    # Escape closes what lies above, and no more.
    tab.page.keyboard.press("Escape")
    expect(tab.get("bookmark-list")).to_be_hidden()
    expect(tab.get("detail")).to_be_visible()
    assert "marks=" not in tab.page.url


def test_a_link_keeps_them(look: Look, tab: Tab) -> None:
    tab.seek(5)
    tab.page.keyboard.press("b")
    tab.choose("waves").seek(9)
    tab.click(4)
    expect(tab.get("detail")).to_be_visible()
    tab.get("bookmarks").click()
    tab.get("toggle-mark").click()
    expect(tab.get("toggle-mark")).to_have_text(re.compile("^Remove"))
    tab.page.wait_for_url("**/*marks=*")
    other = look(tab.page.url).shows(9, "waves")
    other.get("bookmarks").click()
    expect(other.get("bookmark")).to_have_text(["pulses · epoch 5", "waves · filter 4 · epoch 9"])
    other.get("bookmark").first.click()
    other.shows(5, "pulses")
    expect(other.get("detail")).to_be_hidden()
    box = other.get("mark").bounding_box()
    assert box is not None
    picture = Picture.of(other.page.screenshot(clip=box))
    assert int((abs(picture.pixels - BLUE).max(axis=2) < 30).sum()) > 40
    scrubber = other.get("scrubber").bounding_box()
    assert scrubber is not None
    place = scrubber["x"] + 8 + 5 / LAST * (scrubber["width"] - 16)
    assert box["x"] + box["width"] / 2 == pytest.approx(place, abs=1)


def test_the_overview_lists_them_too(look: Look, served: Served) -> None:
    tab = look(f"{served.frame}#p.filterscope.run=a&{linked((15, 2, 'noise'))}", overview=True)
    expect(tab.get("overview-row").first).to_be_visible()
    tab.get("bookmarks").click()
    expect(tab.get("toggle-mark")).to_be_hidden()
    expect(tab.get("bookmark")).to_have_text("noise · filter 2 · epoch 3")
    tab.get("bookmark").click()
    tab.shows(3, "noise")
    expect(tab.get("detail")).to_have_attribute("data-filter", "2")


def test_what_makes_no_sense_is_left_out(look: Look, served: Served) -> None:
    good = (10, None, "pulses")
    odd = linked((10, 99, "pulses"), (9999, None, "pulses"), (5, None, "nowhere"), good, good)
    tab = look(f"{served.frame}#{odd}%2C-1__filters%2Cx%2C1e9_2_a%2C%2C__%2C<img src=x>").shows(LAST, "pulses")
    expect(tab.get("mark")).to_have_count(1)
    expect(tab.get("bookmarks")).to_have_accessible_name("Bookmarks: 1")
    expect(tab.get("mark")).to_have_accessible_name("Bookmark: epoch 2")
    many = look(f"{served.frame}#{linked(*((5, number, 'noise') for number in range(64)))}").shows()
    expect(many.get("bookmarks")).to_have_accessible_name("Bookmarks: 50")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("hostile")
    Run(directory / "run", [Layer(name, (4, 1, 9)) for name in HOSTILE], 3).add(range(3))
    with tensorboard(directory, LOADERS["legacy"]) as running:
        running.wait_for_step("run", f"filters/{HOSTILE[-1]}/bank", 2 * STEPS)
        yield running


def test_hostile_names_are_text(look: Look, hostile: Served) -> None:
    tab = look(f"{hostile.frame}#{linked(*((5, 1, name) for name in HOSTILE))}", width=480, height=900).shows()
    tab.get("bookmarks").click()
    expect(tab.get("bookmark")).to_have_count(len(HOSTILE))
    assert tab.view.locator("img").count() == 0
    titles = tab.get("bookmark").evaluate_all("all => all.map(one => one.title)")
    assert titles == list(HOSTILE)
    panel = tab.get("bookmark-list").bounding_box()
    assert panel is not None
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= 480
    for i, name in enumerate(HOSTILE[:6]):
        if i:
            tab.get("bookmarks").click()
        tab.get("bookmark").nth(i).click()
        tab.shows(1, name)
