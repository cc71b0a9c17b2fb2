"""Lines of text lie where they are put, take the room that is reckoned, and stay legible when they are shrunk."""

from __future__ import annotations

import numpy as np
import pytest

from filterscope.plots.drawing.canvas import Sheet
from filterscope.plots.drawing.colours import INK
from filterscope.plots.drawing.lettering import number_patch, text_width
from tests.support.figures import pixels

WORDS = "64 of 512 filters · epoch 7"


def sheet() -> Sheet:
    return Sheet(None, "taps")


def ink(sheet: Sheet) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is drawn."""
    rows, columns = np.nonzero((pixels(sheet.figure) < 128).all(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(("ha", "share"), [("left", 0.0), ("center", 0.5), ("right", 1.0)])
@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_a_line_begins_and_ends_where_it_is_put(ha: str, share: float, weight: str) -> None:
    page = sheet()
    page.write(450, 200, WORDS, ha=ha, weight=weight, color=INK)
    width = text_width(WORDS, 12, weight == "bold")
    left, top, right, bottom = ink(page)
    assert (left, right) == pytest.approx((450 - share * width, 450 + (1 - share) * width), abs=3)
    assert bottom - 200 == pytest.approx(0.21 * 12 * 100 / 72, abs=1.5)  # p reaches below the line
    assert 200 - top == pytest.approx(0.76 * 12 * 100 / 72, abs=1.5)  # f above it


def test_a_line_can_be_centred_on_its_capitals_and_turned() -> None:
    page = sheet()
    page.write(450, 200, "EH", va="center", color=INK)
    _, top, _, bottom = ink(page)
    assert (top + bottom) / 2 == pytest.approx(200, abs=1)
    page = sheet()
    page.write(450, 200, WORDS, ha="center", rotation=90, rotation_mode="anchor", color=INK)
    left, top, _, bottom = ink(page)
    assert (bottom - top) == pytest.approx(text_width(WORDS, 12), abs=3)
    assert left == pytest.approx(450 - 0.76 * 12 * 100 / 72, abs=1.5)


@pytest.mark.parametrize("dpi", [100, 200])
def test_a_line_grows_with_the_resolution_of_its_canvas(dpi: int) -> None:
    page = sheet()
    page.figure.set_dpi(dpi)
    page.write(450, 200, WORDS, color=INK)
    left, _, right, _ = ink(page)
    assert right - left == pytest.approx(text_width(WORDS, 12, dpi=dpi), abs=5)


@pytest.mark.parametrize("align_right", [False, True])
def test_numbers_begin_or_end_where_they_are_put(align_right: bool) -> None:
    page = sheet()
    page.add(number_patch([288, 8], np.array([[300, 100], [300, 200]]), 20, INK, align_right=align_right))
    left, top, right, bottom = ink(page)
    width = text_width("288", 20 * 72 / 100)
    assert (left, right) == pytest.approx((300 - width, 300) if align_right else (300, 300 + width), abs=3)
    assert (top, bottom) == pytest.approx((100 - 0.74 * 20, 200), abs=1.5)


def test_small_print_stays_legible_where_every_other_pixel_is_left_out() -> None:
    page = sheet()
    page.write(20, 200, "illinium taps 0147 −+→", fontsize=9, color=INK)
    image = pixels(page.figure)[185:210, 20:200].min(axis=2)
    halves = [255 - image[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)]
    assert np.mean(halves) > 26  # 23.4 if it were struck once
    assert min(halves) > 0.85 * np.mean(halves)
