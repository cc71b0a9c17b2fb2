"""An axis of frequencies below a box, linear or in octaves, and the stride's alias in it."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import LineCollection

from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_choice
from filterscope.filters.spectrum import tap_rate
from filterscope.filters.words import FREQUENCIES, Frequency
from filterscope.plots.drawing import captions
from filterscope.plots.drawing.canvas import TEXT, Box, Sheet
from filterscope.plots.drawing.colours import INK
from filterscope.plots.drawing.lettering import text_width
from filterscope.plots.drawing.scales import fitting_ticks, log_ticks, mark_below, name_below, tick_labels

#: From which highest frequency on, in Hz, an axis is in units of so many Hz.
_UNITS: tuple[tuple[float, float, str], ...] = (
    (2e9, 1e9, "GHz"),
    (2e6, 1e6, "MHz"),
    (2e3, 1e3, "kHz"),
    (0.02, 1, "Hz"),
    (2e-5, 1e-3, "mHz"),
    (0, 1e-6, "µHz"),
)


class FrequencyAxis:
    """Frequencies of a layer across boxes, from the lowest to the highest of a span, in Hz or cycles per sample.

    Attributes:
        note: What to say of the dashed line where the stride aliases, and of a dilated layer that goes on above the
            axis; empty where there is neither.
    """

    def __init__(
        self, bank: FilterBank, sample_rate: float | None, span: tuple[float, float], is_log: bool = False
    ) -> None:
        self._span, self._is_log = span, is_log
        self._is_known = sample_rate is not None or bank.sample_rate is not None
        self._aliases = np.empty(0)
        if bank.stride > bank.dilation:
            alias = tap_rate(bank, sample_rate) / (2 * bank.stride)
            self._aliases = np.array([-alias, alias] if np.iscomplexobj(bank.weights) else [alias])
        self.note = captions.joined(
            "dashed: stride alias" if self._aliases.size else "",
            f"dilation {bank.dilation}: repeats above" if bank.dilation > 1 else "",
        )

    def shares(self, frequencies: Array) -> Array:
        """Where frequencies lie, as shares of a box's width."""
        low, high = self._span
        if self._is_log:
            return np.asarray(np.log(frequencies / low) / np.log(high / low))
        return np.asarray((frequencies - low) / (high - low))

    def number(self, sheet: Sheet, box: Box, note: str, room: float | None = None, most: int = 10) -> Array:
        """Number frequencies below a box, in so many intervals at most; where, as shares of its width.

        The note is said beside their unit, if there is room for it, by default as wide as the box.
        """
        low, high = self._span
        size, unit = 1.0, "cycles/sample"
        if self._is_known:
            size, unit = next((size, unit) for least, size, unit in _UNITS if high >= least)
        words = (captions.joined(f"frequency ({unit})", note), captions.joined(unit, note), unit)
        widest = box.width if room is None else room
        name_below(sheet, box, next((each for each in words if text_width(each, TEXT, dpi=sheet.dpi) <= widest), unit))
        if self._is_log:
            ticks = log_ticks(sheet, low / size, high / size, box.width)
        else:
            ticks = fitting_ticks(sheet, low / size, high / size, box.width, most)
        shares = self.shares(ticks * size)
        mark_below(sheet, box, shares, tick_labels(ticks))
        return shares

    def mark_alias(self, sheet: Sheet, box: Box, zorder: float = 2) -> list[LineCollection]:
        """A dashed line on a pale one at the frequency above which the stride aliases, through a box."""
        if not self._aliases.size:
            return []
        places = (box.left + self.shares(self._aliases) * box.width).tolist()
        bottom, dash = box.top + box.height, sheet.px(6)
        starts = np.arange(box.top, bottom, 1.75 * dash).tolist()
        dashes = [[(x, y), (x, min(y + dash, bottom))] for x in places for y in starts]
        whole = [[(x, box.top), (x, bottom)] for x in places]
        ground = sheet.ground if sheet.is_on_dark else "#ffffff"  # the dashes are light there
        behind = LineCollection(whole, colors=[ground], linewidths=3, alpha=0.7, zorder=zorder)
        return [sheet.add(each) for each in (behind, LineCollection(dashes, colors=INK, linewidths=1.5, zorder=zorder))]


def lowest(bank: FilterBank, sample_rate: float | None = None) -> float:
    """Where a logarithmic axis begins: at half of what the kernel's length resolves."""
    return tap_rate(bank, sample_rate) / (2 * bank.taps * bank.dilation)


def log_edges(frequencies: Array, width: int) -> Array:
    """Where each of evenly spaced frequencies begins on a logarithmic axis from the first to the last, in pixels."""
    begin = np.maximum(frequencies - (frequencies[1] - frequencies[0]) / 2, frequencies[0])
    return np.asarray(np.log(begin / frequencies[0]) / np.log(frequencies[-1] / frequencies[0]) * width)


def check_axis(frequency: Frequency, weights: Array) -> None:
    """Refuse an axis that cannot be.

    Raises:
        TypeError: Not a string.
        ValueError: Unknown, or ``"log"`` for complex filters.
    """
    check_choice("frequency", frequency, FREQUENCIES)
    if frequency == "log" and np.iscomplexobj(weights):
        raise ValueError("frequency='log' has no place for the negative frequencies of complex filters")
