"""Where tiles draw what: lines, stems, areas, frames, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from filterscope import FilterBank
from filterscope.plots.drawing.canvas import Box, Sheet
from filterscope.plots.drawing.captions import Marks
from filterscope.plots.drawing.colours import ROTATION_CMAP, SIGNED_CMAP
from filterscope.plots.drawing.tiles import HeatTiles, LineTiles
from tests.support.figures import AMBER, DEAD, near, pixels

AREA = Box(20, 60, 800, 300)
COLOURS = ROTATION_CMAP(np.linspace(0, 1, 6))


def marks(dead: int = -1, broken: int = -1) -> Marks:
    weights = np.ones((6, 1, 9))
    if dead >= 0:
        weights[dead] = 0
    if broken >= 0:
        weights[broken] = np.nan
    return Marks(FilterBank("conv", weights), 6)


def by_height(sheet: Sheet) -> list[Any]:
    """Zero lines, what marks cuts, and curves, the lowest first."""
    return sorted(sheet.figure.findobj(LineCollection), key=lambda each: each.get_zorder())


def test_lines_run_through_their_taps_to_scale_and_stay_in_their_tiles() -> None:
    sheet = Sheet(None, "")
    tiles = LineTiles(sheet, AREA, np.arange(6), 10)
    rows = np.zeros((6, 10))
    rows[:, 3], rows[:, 4], rows[:, 5] = 2.0, -1.0, 40.0
    tiles.update(rows, -rows, np.full(6, 2.0), COLOURS, marks())
    zero, cuts, front = by_height(sheet)
    width, height = tiles.width, tiles.height
    for i, (left, top) in enumerate(tiles.corners):
        middle = top + height / 2
        assert zero.get_segments()[i].tolist() == [[left, middle], [left + width, middle]]
        x, y = front.get_segments()[i].T
        np.testing.assert_allclose(x, left + (np.arange(10) + 0.5) * width / 10)
        np.testing.assert_allclose((middle - y)[[0, 3, 4, 5]] / height, [0, 0.47, -0.235, 0.47])
    # Strokes where the lines are cut off.
    strokes = sorted(tuple(stroke.mean(axis=0).round(2).tolist()) for stroke in cuts.get_segments())
    wanted = sorted((round(left + 0.55 * width), top + 0.015 * height) for left, top in tiles.corners)
    np.testing.assert_allclose(strokes, wanted, atol=1)
    shade = max(sheet.figure.findobj(PolyCollection), key=lambda each: each.get_zorder())
    outline = np.asarray(shade.get_paths()[2].vertices)
    np.testing.assert_allclose(outline[:10], front.get_segments()[2])
    back = outline[10:20][::-1]
    np.testing.assert_allclose(back[:, 1] + outline[:10, 1], 2 * (tiles.corners[2, 1] + height / 2))
    np.testing.assert_allclose(np.asarray(shade.get_facecolor())[:, :3], COLOURS[:, :3])


def test_stems_stand_on_the_zero_line_before_paler_ones_of_the_reference() -> None:
    sheet = Sheet(None, "")
    tiles = LineTiles(sheet, AREA, np.arange(6), 4)
    rows = np.tile([1.0, -1.0, 0.5, 0.0], (6, 1))
    tiles.update(rows, 2 * rows, np.full(6, 2.0), COLOURS, marks())
    _, behind, _, front = by_height(sheet)
    left, top = tiles.corners[1]
    middle, slot = top + tiles.height / 2, tiles.width / 4
    for collection, factor in ((front, 1), (behind, 2)):
        for tap, stem in enumerate(collection.get_segments()[4:8]):
            tip = middle - factor * rows[1, tap] / 2 * 0.47 * tiles.height
            np.testing.assert_allclose(stem, [[left + (tap + 0.5) * slot, middle], [left + (tap + 0.5) * slot, tip]])
    wide, narrow = (float(np.ravel(each.get_linewidths())[0]) for each in (behind, front))
    assert slot * 72 / 100 > wide > 1.5 * narrow > 2
    np.testing.assert_allclose(front.get_colors()[4:8], np.tile(COLOURS[1], (4, 1)))


def test_stems_of_many_filters_do_not_touch() -> None:
    sheet = Sheet(None, "")
    tiles = LineTiles(sheet, AREA, np.arange(24), 8)
    _, behind, _, front = by_height(sheet)
    for collection in (behind, front):
        assert float(np.ravel(collection.get_linewidths())[0]) < tiles.width / 8 * 72 / 100


@pytest.mark.parametrize("taps", [4, 20])
def test_tiles_of_dead_and_broken_filters_are_filled(taps: int) -> None:
    sheet = Sheet(None, "")
    tiles = LineTiles(sheet, AREA, np.arange(6), taps)
    tiles.update(np.zeros((6, taps)), None, np.ones(6), COLOURS, marks(dead=1, broken=4))
    image = pixels(sheet.figure)
    for i, (left, top) in enumerate(tiles.corners.astype(int)):
        for x, y in ((3, 3), (tiles.width - 3, 3), (3, tiles.height - 3), (tiles.width - 3, tiles.height - 3)):
            assert image[top + y, left + x].tolist() == list({1: DEAD, 4: AMBER}.get(i, (255, 255, 255)))


def test_heat_tiles_show_their_cells_in_frames() -> None:
    sheet = Sheet(None, "")
    tiles = HeatTiles(sheet, AREA, np.arange(6))
    cells = np.zeros((6, 2, 5))
    cells[:, 0, 1], cells[2, 1, 4] = 3.0, np.nan
    tiles.update(cells, np.full(6, 3.0), COLOURS, marks(dead=5))
    image = pixels(sheet.figure).astype(int)
    at: Any = lambda tile, row, column: image[  # noqa: E731
        int(tiles.corners[tile, 1] + (row + 0.5) * tiles.height / 2),
        int(tiles.corners[tile, 0] + (column + 0.5) * tiles.width / 5),
    ].tolist()
    high, middle = SIGNED_CMAP([255, 128], bytes=True)[:, :3].tolist()
    for tile in range(5):
        assert at(tile, 0, 1) == high
        assert at(tile, 1, 1) == middle
    assert at(2, 1, 4) == list(AMBER)
    assert at(5, 0, 1) == list(DEAD)
    for tile, (left, top) in enumerate(tiles.corners.astype(int)):
        for border in range(3):
            assert np.abs(image[top + border, left + 20] - COLOURS[tile, :3] * 255).max() <= 1
            assert np.abs(image[top + tiles.height - 1 - border, left + 20] - COLOURS[tile, :3] * 255).max() <= 1
            assert np.abs(image[top + 20, left + border] - COLOURS[tile, :3] * 255).max() <= 1


def test_heat_tiles_beyond_their_limit_have_a_dark_corner_whatever_its_cells() -> None:
    sheet = Sheet(None, "")
    tiles = HeatTiles(sheet, AREA, np.arange(6))
    cells = np.full((6, 1, 9), 1.0)
    cells[2], cells[4] = 3, -3
    tiles.update(cells, np.ones(6), COLOURS, marks())
    image = pixels(sheet.figure).astype(int)
    dark = [
        near(image[int(top) : int(top) + 8, int(left) + tiles.width - 8 : int(left) + tiles.width], (0x11, 0x18, 0x27))
        for left, top in tiles.corners
    ]
    assert [int(each.sum()) > 25 for each in dark] == [False, False, True, False, True, False]


def test_small_heat_tiles_keep_most_of_their_room_for_cells() -> None:
    sheet = Sheet(None, "")
    tiles = HeatTiles(sheet, AREA, np.arange(512))
    weights = np.ones((512, 1, 9))
    tiles.update(np.ones((512, 1, 9)), np.ones(512), np.zeros((512, 4)), Marks(FilterBank("conv", weights), 512))
    image = pixels(sheet.figure)
    left, top = tiles.corners[0].astype(int)
    part = image[top : top + tiles.height, left : left + tiles.width]
    assert near(part, tuple(SIGNED_CMAP([255], bytes=True)[0, :3])).mean() > 0.5


def test_words_end_where_their_tile_does() -> None:
    sheet = Sheet(None, "")
    tiles = LineTiles(sheet, AREA, np.arange(6), 20)
    tiles.set_words(["", "dead", "", "", "NaN", ""])
    tiles.set_words(["", "", "", "", "NaN", ""])
    shown = {text.get_text(): text for text in tiles._words.values()}
    assert set(shown) == {"", "NaN"}
    left, top = tiles.corners[4]
    assert shown["NaN"].get_horizontalalignment() == "right"
    assert shown["NaN"].get_position() == (left + tiles.width, top - 2)
