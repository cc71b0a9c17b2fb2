"""Ticks, numbers and colour bars say what is beside them."""

from __future__ import annotations

import numpy as np
import pytest

from filterscope.plots.drawing.bars import ColourBar, rotation_bar, set_limit, value_bar
from filterscope.plots.drawing.canvas import Box, Sheet
from filterscope.plots.drawing.colours import INK, ROTATION_CMAP, SIGNED_CMAP, rgba, rotation_colours
from filterscope.plots.drawing.lettering import QuickText
from filterscope.plots.drawing.limits import format_value, is_clipped, shared_limit
from filterscope.plots.drawing.scales import index_ticks, mark_below, mark_left, number_rows, round_ticks
from tests.support.arrays import normal
from tests.support.figures import pixels

BOX = Box(100, 80, 600, 250)


def places(sheet: Sheet) -> dict[str, tuple[float, float]]:
    """Where words are, in pixels from the top left."""
    return {each.get_text(): each.get_position() for each in sheet.figure.findobj(QuickText) if each.get_text()}


def test_labels_stand_at_their_shares_of_a_box() -> None:
    sheet = Sheet(None, "")
    mark_below(sheet, BOX, np.array([0, 0.25, 1]), ["a", "b", "c"])
    mark_left(sheet, BOX, np.array([0, 0.25, 1]), ["d", "e", "f"])
    found = places(sheet)
    assert [found[each][0] for each in "abc"] == [100, 250, 700]
    assert all(330 < found[each][1] < 360 for each in "abc")
    assert [found[each][1] for each in "def"] == [330, 267.5, 80]
    assert all(85 < found[each][0] < 100 for each in "def")


@pytest.mark.parametrize("number", [3, 288, 4000])
def test_a_row_is_numbered_at_its_middle_left_of_the_box(number: int) -> None:
    sheet = Sheet(None, "")
    number_rows(sheet, BOX, np.array([0.2]), [number], "")
    image = pixels(sheet.figure)
    rows, columns = np.nonzero((image[:, :94] < 128).all(axis=2))
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(80 + 0.2 * 250, abs=1.5)
    assert columns.max() + 1 == pytest.approx(100 - 2 * sheet.px(3), abs=2)
    assert columns.min() > 60


def test_ticks_are_round_and_few() -> None:
    assert index_ticks(8) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert index_ticks(9) == [0, 2, 4, 6, 8]
    assert index_ticks(64) == [0, 10, 20, 30, 40, 50, 60]
    assert index_ticks(512, 4) == [0, 200, 400]
    assert round_ticks(-0.31, 0.29, 6).tolist() == pytest.approx([-0.3, -0.2, -0.1, 0, 0.1, 0.2])
    assert round_ticks(0, 7, 10, whole=True).tolist() == list(range(8))


def test_a_colour_bar_names_the_colour_beside_each_label() -> None:
    sheet = Sheet(None, "")
    box = Box(700, 60, sheet.px(ColourBar.WIDTH), 300)
    bar = value_bar(sheet, box, False, "weight")
    set_limit(bar, 0.25, False)
    image, found = pixels(sheet.figure), places(sheet)
    x = int(box.left + sheet.px(17))
    for label, position in (("−0.25", 0.0), ("0", 0.5), ("0.25", 1.0)):
        y = int(np.clip(found[label][1], *np.flatnonzero((image[:, x] < 250).any(axis=1))[[0, -1]]))
        assert np.abs(image[y, x].astype(int) - SIGNED_CMAP([position], bytes=True)[0, :3]).max() <= 6, label
    set_limit(one := value_bar(Sheet(None, ""), box, True, ""), 0.25, True)
    assert [each.get_text() for each in one._labels] == ["0", "0.12", "0.25"]


def test_the_bar_of_rotation_has_the_colours_of_rotations() -> None:
    sheet = Sheet(None, "")
    box = Box(700, 60, sheet.px(ColourBar.WIDTH), 300)
    rotation_bar(sheet, box)
    image, found = pixels(sheet.figure), places(sheet)
    x = int(box.left + sheet.px(17))
    for label, rotation in (("0", 0.0), ("0.02", 0.02), ("0.1", 0.1), ("0.5", 0.5), ("1", 1.0), ("2", 2.0)):
        y = int(np.clip(found[label][1], *np.flatnonzero((image[:, x] < 250).any(axis=1))[[0, -1]]))
        wanted = rotation_colours(np.array([rotation]), 1)[0, :3] * 255
        assert np.abs(image[y, x] - wanted).max() <= 6, label
    undefined, far = rotation_colours(np.array([np.nan, 2.0]), 2)
    assert (undefined[:3] * 255).round().astype(int).tolist() == [0xC3, 0xCA, 0xD3]
    assert far.tolist() == list(ROTATION_CMAP(1.0))


@pytest.mark.parametrize(("one", "other"), [(0.0, 0.02), (0.02, 0.06), (0.06, 0.2), (0.2, 0.6), (0.6, 1.1), (1.1, 2.0)])
def test_rotations_are_told_apart_from_the_first_epoch_to_the_last(one: float, other: float) -> None:
    colours = rotation_colours(np.array([one, other]), 2)[:, :3]
    assert np.linalg.norm(colours[0] - colours[1]) > 0.15


@pytest.mark.parametrize(("ground", "least"), [("#ffffff", 2.5), ("#0f1113", 3)])
def test_rotations_stand_out_on_white_and_on_the_dark_tiles_of_the_tab(ground: str, least: float) -> None:
    def luminance(colours: np.ndarray) -> np.ndarray:
        linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
        return np.asarray(linear @ [0.2126, 0.7152, 0.0722])

    below, above = luminance(rgba(ground)[:3]), luminance(ROTATION_CMAP(np.linspace(0, 1, 256))[:, :3])
    assert ((np.maximum(below, above) + 0.05) / (np.minimum(below, above) + 0.05)).min() >= least


def test_one_large_filter_does_not_flatten_the_others() -> None:
    rows = np.ones((20, 1, 5))
    assert shared_limit(rows) == 1
    rows[3] = 1.9
    assert shared_limit(rows) == 1.9
    rows[3] = 40
    assert (shared_limit(rows), shared_limit(rows, quantile=0.9, times=4)) == (2, 4)
    assert shared_limit(rows, 50 * rows) == 2
    assert is_clipped(rows, np.full(20, 2.0)).nonzero()[0].tolist() == [3]
    rows[4:] = 0  # of what is pruned nobody sees a height
    assert shared_limit(rows) == 2
    assert shared_limit(0 * rows) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 512])
@pytest.mark.parametrize("tail", [0.1, 1, 3])
def test_half_of_the_tiles_use_half_of_their_height(count: int, tail: float) -> None:
    rows = np.random.default_rng(count).lognormal(0, tail, count)[:, None, None] * normal(count, 1, 9)
    limit, largest = shared_limit(rows), np.abs(rows).max(axis=(1, 2))
    assert (largest >= limit / 2).mean() >= 0.5
    assert limit <= largest.max()


def test_numbers_are_short() -> None:
    given = (0, 0.012345, -1.5, 99.4, 4321.4, 12345, 1e-5, np.nan, np.inf, -np.inf)
    wanted = ["0", "0.012", "−1.5", "99", "4321", "1e4", "1e−5", "–", "∞", "−∞"]
    assert [format_value(each) for each in given] == wanted


def test_axes_and_titles_lie_where_their_box_is() -> None:
    sheet = Sheet(None, "taps")
    extent = sheet.axes(BOX).get_window_extent()
    assert (extent.x0, 430 - extent.y1, extent.width, extent.height) == pytest.approx((100, 80, 600, 250))
    sheet.set_title("conv", "8 filters")
    assert sheet._title.get_position()[0] < 20
    assert sheet._subtitle.get_position()[0] > 880
    assert sheet._subtitle.get_horizontalalignment() == "right"
    assert sheet.write(0, 0, "", color=INK).get_color() == INK
