"""Ticks, numbers and names beside a box, and legends above it.

They are artists of the sheet: those of matplotlib's own axes would follow the user's style, in dozens of settings, and
take several times as long to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.patches import PathPatch

from filterscope.filters.arrays import Array
from filterscope.plots.drawing.canvas import TEXT, Box, Sheet
from filterscope.plots.drawing.colours import GREY, INK
from filterscope.plots.drawing.lettering import QuickText, number_patch, text_width

#: Points from a box to the baseline of the numbers below it, and to that of what they count.
_NUMBERS, _NAME = 16, 33


def index_ticks(count: int, most: int = 8) -> list[int]:
    """Round numbers from 0 to ``count - 1`` for the ticks of an axis of filters or channels."""
    step = next(s * 10**p for p in range(12) for s in (1, 2, 5) if count <= s * 10**p * most)
    return list(range(0, count, step))


def round_ticks(low: float, high: float, most: int, whole: bool = False) -> Array:
    """Round numbers, or integers, from ``low`` to ``high``, at least one and at most ``most`` steps from end to end."""
    least = (high - low) / most * (1 - 1e-9)
    power = np.floor(np.log10(least))
    step = next(s * 10.0**p for p in (power, power + 1) for s in (1, 2, 2.5, 5) if s * 10.0**p >= least)
    step = max(np.ceil(step), 1) if whole else step
    return np.asarray(np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step)


def tick_labels(ticks: Array) -> list[str]:
    """Round numbers as text, with a true minus."""
    return [f"{tick:.6g}".replace("-", "−") for tick in ticks + 0.0]


def fitting_ticks(sheet: Sheet, low: float, high: float, width: float, most: int, whole: bool = False) -> Array:
    """Round numbers for an axis of so many pixels, whose labels do not touch."""
    for steps in range(most, 1, -1):
        ticks = round_ticks(low, high, steps, whole)
        widest = max(text_width(label, TEXT, dpi=sheet.dpi) for label in tick_labels(ticks))
        if (len(ticks) - 1) * (widest + sheet.px(8)) <= width * np.ptp(ticks) / (high - low):
            return ticks
    return round_ticks(low, high, 1, whole)


def log_ticks(sheet: Sheet, low: float, high: float, width: float) -> Array:
    """1, 2 and 5, or 1 alone, in each power of ten, for an axis in octaves of so many pixels; no labels touch."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = np.outer(powers, digits).ravel()
        ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
        widest = max((text_width(label, TEXT, dpi=sheet.dpi) for label in tick_labels(ticks)), default=0)
        closest = float(np.min(np.diff(np.log(ticks)), initial=np.inf)) / np.log(high / low) * width
        if len(ticks) and closest >= widest + sheet.px(4):
            break
    return ticks


def fitting_names(sheet: Sheet, names: Sequence[str], width: float) -> list[int]:
    """Positions of the names to write below an axis of so many pixels: all, or every so many-th that fit."""
    widest = max(text_width(name, TEXT, dpi=sheet.dpi) for name in names) + sheet.px(8)
    return index_ticks(len(names), max(int(width / widest), 1))


def tick_intervals(sheet: Sheet, width: float, characters: int, most: int) -> int:
    """Into how many parts ticks may cut an axis of some pixels, if their labels have so many characters."""
    return max(1, min(most, int(width / sheet.px(TEXT * (0.65 * characters + 0.8)))))


def mark_below(sheet: Sheet, box: Box, shares: Array, labels: Sequence[str]) -> None:
    """Ticks and labels at shares of a box's width."""
    bottom = box.top + box.height
    places = box.left + np.asarray(shares) * box.width
    _strokes(sheet, [[(x, bottom), (x, bottom + sheet.px(3))] for x in places])
    for x, label in zip(places, labels, strict=True):
        sheet.write(x, bottom + sheet.px(_NUMBERS), label, ha="center", color=INK)


def mark_left(sheet: Sheet, box: Box, shares: Array, labels: Sequence[str]) -> list[QuickText]:
    """Ticks and labels at shares of a box's height, from its bottom; the labels."""
    places = box.top + (1 - np.asarray(shares)) * box.height
    _strokes(sheet, [[(box.left - sheet.px(3), y), (box.left, y)] for y in places])
    return [
        sheet.write(box.left - sheet.px(6), y, label, ha="right", va="center", color=INK)
        for y, label in zip(places, labels, strict=True)
    ]


def rule(sheet: Sheet, box: Box, columns: Array, rows: Array, colour: str, width: float) -> None:
    """Lines behind a box's data, at shares of its width and of its height from the bottom."""
    upright = [[(x, box.top), (x, box.top + box.height)] for x in box.left + columns * box.width]
    level = [[(box.left, y), (box.left + box.width, y)] for y in box.top + (1 - rows) * box.height]
    faint = 0.25 if sheet.is_on_dark else 1
    sheet.add(LineCollection([*upright, *level], colors=colour, linewidths=width, alpha=faint, zorder=-1))


def name_below(sheet: Sheet, box: Box, words: str) -> QuickText:
    """What the numbers below a box count."""
    return sheet.write(box.left + box.width / 2, box.top + box.height + sheet.px(_NAME), words, ha="center")


def name_left(sheet: Sheet, box: Box, words: str, points: float) -> QuickText:
    """What the numbers at the left of a box count, upwards; so many points from it."""
    x, y = box.left - sheet.px(points), box.top + box.height / 2
    return sheet.write(x, y, words, ha="center", rotation=90, rotation_mode="anchor")


def number_rows(sheet: Sheet, box: Box, centres: Array, numbers: Sequence[int], label: str) -> PathPatch:
    """Number rows at shares of a box's height, from its top, and name what is numbered.

    One artist, where an axis would have dozens; :func:`renumber` may change it.
    """
    name_left(sheet, box, label, 32)
    y = box.top + np.asarray(centres) * box.height
    _strokes(sheet, [[(box.left - sheet.px(3), each), (box.left, each)] for each in y])
    return sheet.add(_row_numbers(sheet, box, centres, numbers))


def renumber(patch: PathPatch, sheet: Sheet, box: Box, centres: Array, numbers: Sequence[int]) -> None:
    """Give rows other numbers; arguments as for :func:`number_rows`, of which ``patch`` is."""
    patch.set_path(_row_numbers(sheet, box, centres, numbers).get_path())


def _row_numbers(sheet: Sheet, box: Box, centres: Array, numbers: Sequence[int]) -> PathPatch:
    size = sheet.px(TEXT - 2) * min(1.0, 3 / len(str(max(numbers))))  # four digits would reach the label
    y = box.top + np.asarray(centres) * box.height
    ends = np.stack([np.full(len(y), box.left - 2 * sheet.px(3)), y + 0.36 * size], axis=1)
    return number_patch(numbers, ends, size, INK, align_right=True)


def legend(sheet: Sheet, area: Box, entries: Sequence[tuple[str, Any]]) -> tuple[list[Artist], Box]:
    """Names of curves beside samples of their colours, at the top of an area; and what they leave of it.

    Entries, name and colour each, lie beside one another as far as there is room.
    """
    sample, gap, line = sheet.px(20), sheet.px(6), sheet.px(1.35 * TEXT)
    left, top = area.left, area.top
    artists: list[Artist] = []
    for name, colour in entries:
        width = sample + gap + text_width(name, TEXT, dpi=sheet.dpi)
        if left > area.left and left + width > area.left + area.width:
            left, top = area.left, top + line
        y = top + line / 2
        artists.append(sheet.add(LineCollection([[(left, y), (left + sample, y)]], colors=[colour], linewidths=2)))
        artists.append(sheet.write(left + sample + gap, y, name, color=INK, va="center"))
        left += width + 2 * gap
    return artists, area.shrink(top=top + line + gap - area.top)


def _strokes(sheet: Sheet, segments: list[Any]) -> None:
    sheet.add(LineCollection(segments, colors=GREY, linewidths=0.8))
