"""An axis of frequencies below a box, and the stride's alias in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection

from filterscope.filters.bank import FilterBank
from filterscope.filters.spectrum import bounds
from filterscope.plots.drawing import captions
from filterscope.plots.drawing.canvas import INK, TEXT, Box, Sheet
from filterscope.plots.drawing.lettering import text_width
from filterscope.plots.drawing.scales import fitting_ticks, mark_below, name_below, tick_labels

Array = npt.NDArray[Any]


def frequency_axis(sheet: Sheet, box: Box, bank: FilterBank, sample_rate: float | None) -> Array:
    """Number the frequencies of a bank's baseband below a box; where the numbers stand, as shares of its width."""
    low, high = bounds(bank, sample_rate)
    is_known = sample_rate is not None or bank.sample_rate is not None
    is_kilo = is_known and high >= 2000
    unit = "kHz" if is_kilo else "Hz" if is_known else "cycles/sample"
    alias = "dashed: stride alias" if bank.stride > bank.dilation else ""
    words = (captions.joined(f"frequency ({unit})", alias), captions.joined(unit, alias), unit)
    name_below(sheet, box, next((each for each in words if text_width(each, TEXT, dpi=sheet.dpi) <= box.width), unit))
    size = 1000 if is_kilo else 1
    ticks = fitting_ticks(sheet, low / size, high / size, box.width, 10)
    shares = np.asarray((ticks * size - low) / (high - low))
    mark_below(sheet, box, shares, tick_labels(ticks))
    return shares


def mark_alias(sheet: Sheet, box: Box, bank: FilterBank) -> list[LineCollection]:
    """A dashed line on a pale one at the frequency above which the stride aliases."""
    if bank.stride <= bank.dilation:
        return []
    share = bank.dilation / bank.stride  # of the baseband
    shares = [(1 - share) / 2, (1 + share) / 2] if np.iscomplexobj(bank.weights) else [share]
    places = [box.left + each * box.width for each in shares]
    bottom, dash = box.top + box.height, sheet.px(6)
    starts = np.arange(box.top, bottom, 1.75 * dash).tolist()
    dashes = [[(x, y), (x, min(y + dash, bottom))] for x in places for y in starts]
    whole = [[(x, box.top), (x, bottom)] for x in places]
    behind = LineCollection(whole, colors="#ffffff", linewidths=3, alpha=0.7, zorder=2)
    return [sheet.add(each) for each in (behind, LineCollection(dashes, colors=INK, linewidths=1.5, zorder=2))]
