"""The ``response`` picture: magnitude response in dB, beside the initial one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import FigureBase

from filterscope.filters import spectrum
from filterscope.filters.bank import FilterBank, require_bank
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar
from filterscope.plots.drawing.canvas import DEAD_FACE, DECIBEL_CMAP, INK, PALE, TEXT, Box, Sheet
from filterscope.plots.drawing.lettering import QuickText, text_width
from filterscope.plots.drawing.scales import (
    fitting_ticks,
    legend,
    mark_below,
    mark_left,
    name_below,
    name_left,
    number_rows,
    round_ticks,
    tick_labels,
)
from filterscope.plots.picture import Kind, Options, Picture
from filterscope.plots.taps import same_filters

Array = npt.NDArray[Any]

FLOOR = -40.0
#: Up to so many filters are drawn as curves.
CURVES = 4


def plot_response(
    bank: FilterBank,
    *,
    reference: FilterBank | None = None,
    sample_rate: float | None = None,
    max_filters: int | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw the magnitude response of all filters, in dB re each filter's own maximum, floor -40.

    A heat map of filters by frequency, the reference's beside it; up to 4 filters as curves, the reference's pale.
    Rows are sorted by the reference's peak frequency and labelled with the filters' numbers. A dashed line marks
    the frequency above which the layer's stride aliases. Zero filters are grey, non-finite ones amber.

    Args:
        bank: Filters to draw.
        reference: The same filters at an earlier moment.
        sample_rate: Hz at the layer's input. Default: the bank's own; without any, cycles per sample.
        max_filters: Draw the lowest-numbered ones only; ``None`` for all.
        figure: Figure or subfigure to draw on. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        ValueError: A reference of another shape, or a ``sample_rate`` that is not positive and finite.
    """
    return ResponsePicture(bank, reference, sample_rate, max_filters, figure).sheet.figure


class ResponsePicture:
    """The picture of :func:`plot_response`, which can be redrawn for another moment of the same layer."""

    def __init__(
        self,
        bank: FilterBank,
        reference: FilterBank | None = None,
        sample_rate: float | None = None,
        max_filters: int | None = None,
        figure: FigureBase | None = None,
    ) -> None:
        require_bank(bank)
        first = bank.head(max_filters)
        self._rate, self._max_filters = sample_rate, max_filters
        self._reference = None if reference is None else same_filters(reference, first, max_filters)
        self.sheet = Sheet(figure, bank.layer, "response")
        sorter = first if self._reference is None else self._reference
        # NaN sorts last: filters without a peak lie at the bottom.
        self._order = np.argsort(spectrum.peak_frequency(sorter, sample_rate), kind="stable")
        self._head: QuickText | None = None
        draw = self._make_curves if first.filters <= CURVES else self._make_maps
        draw(first)
        self.update(bank)

    def _decibels(self, bank: FilterBank) -> tuple[Array, Array]:
        frequencies, magnitude = spectrum.baseband(bank, self._rate)
        return frequencies, spectrum.decibels(magnitude, FLOOR)[self._order]

    def _frequency_axis(
        self, axes: Axes, box: Box, bank: FilterBank, frequencies: Array, note: str, room: float
    ) -> Array:
        """Number the frequencies below a box; where the numbers stand, as shares of its width."""
        low, high = float(frequencies[0]), float(frequencies[-1])
        axes.set_xlim(low, high)
        known = self._rate is not None or bank.sample_rate is not None
        kilo = known and high >= 2000
        unit = "kHz" if kilo else "Hz" if known else "cycles/sample"
        words = (captions.joined(f"frequency ({unit})", note), captions.joined(unit, note), unit)
        fitting = (each for each in words if text_width(each, TEXT, dpi=self.sheet.dpi) <= room)
        name_below(self.sheet, box, next(fitting, unit))
        size = 1000 if kilo else 1
        ticks = fitting_ticks(self.sheet, low / size, high / size, box.width, 5)
        shares = (ticks * size - low) / (high - low)
        mark_below(self.sheet, box, shares, tick_labels(ticks))
        return np.asarray(shares)

    @staticmethod
    def _alias_note(bank: FilterBank) -> str:
        return "dashed: stride alias" if bank.stride > bank.dilation else ""

    def _mark_alias(self, axes: Axes, box: Box, bank: FilterBank) -> list[LineCollection]:
        """A dashed line on a white one at the frequency above which the stride aliases."""
        if bank.stride <= bank.dilation:
            return []
        alias = spectrum.tap_rate(bank, self._rate) / (2 * bank.stride)
        sides = (alias, -alias) if np.iscomplexobj(bank.weights) else (alias,)
        dash, low, high = self.sheet.px(6) / box.height, *axes.get_ylim()
        starts = np.arange(0, 1, 1.75 * dash)
        spans = low + np.stack([starts, np.minimum(starts + dash, 1)], axis=1) * (high - low)
        whole = [[(side, low), (side, high)] for side in sides]
        dashes = [[(side, start), (side, end)] for side in sides for start, end in spans]
        behind = LineCollection(whole, colors="#ffffff", linewidths=3, alpha=0.7, zorder=2)
        return [
            self.sheet.add(each, axes)
            for each in (behind, LineCollection(dashes, colors=INK, linewidths=1.5, zorder=2))
        ]

    def _make_curves(self, bank: FilterBank) -> None:
        sheet = self.sheet
        box = sheet.body.shrink(left=sheet.px(46), top=sheet.px(4), right=sheet.px(12), bottom=sheet.px(36)).snapped()
        axes = sheet.axes(box)
        low, high = FLOOR - 1, 2.0
        axes.set_ylim(low, high)
        frequencies, _ = self._decibels(bank)
        columns = self._frequency_axis(axes, box, bank, frequencies, self._alias_note(bank), box.width)
        levels = round_ticks(low, high, 5)
        rows = (levels - low) / (high - low)
        mark_left(sheet, box, rows, tick_labels(levels))
        name_left(sheet, box, "dB re maximum", 37)
        upright = [[(x, box.top), (x, box.top + box.height)] for x in box.left + columns * box.width]
        level = [[(box.left, y), (box.left + box.width, y)] for y in box.top + (1 - rows) * box.height]
        sheet.add(LineCollection([*upright, *level], colors=PALE, linewidths=0.6, zorder=-1))
        self._mark_alias(axes, box, bank)
        colours = ["#2f6db3", "#d1495b", "#2a9d62", "#8e5bb5"]
        if self._reference is not None:
            then = self._decibels(self._reference)[1]
            for row, colour in zip(then, colours, strict=False):
                sheet.add(
                    LineCollection([np.stack([frequencies, row], -1)], colors=colour, alpha=0.35, linewidths=1.5), axes
                )
        names = [f"filter {bank.indices[row]}" for row in self._order]
        self._frequencies = frequencies
        self._curves = [
            sheet.add(LineCollection([], colors=colour, linewidths=2, label=name, zorder=3), axes)
            for name, colour in zip(names, colours, strict=False)
        ]
        key = legend(sheet, box, list(zip(names, colours, strict=False)), TEXT, at_top=False)
        sheet.moving += [*self._curves, *key]

    def _make_maps(self, bank: FilterBank) -> None:
        sheet = self.sheet
        area, bar = sheet.body.split_right(sheet.px(ColourBar.WIDTH))
        levels_bar = ColourBar(sheet, bar, DECIBEL_CMAP, "dB", (0, 0.25, 0.5, 0.75, 1))
        levels_bar.set_labels("≤ −40", "−30", "−20", "−10", "0")
        area = area.shrink(left=sheet.px(46), right=sheet.px(8), bottom=sheet.px(36))
        gap = sheet.px(30)
        is_narrow = area.width < 5 * gap  # for two maps
        banks = [bank] if self._reference is None or is_narrow else [self._reference, bank]
        width = (area.width - gap * (len(banks) - 1)) / len(banks)
        head = sheet.px(17) if len(banks) > 1 else sheet.px(4)
        for i, each in enumerate(banks):
            box = Box(area.left + i * (width + gap), area.top + head, width, area.height - head)
            box = box.snapped()
            axes = sheet.axes(box)
            self._map_size = int(box.height), int(box.width)
            frequencies, levels = self._decibels(each)
            axes.set_ylim(len(levels), 0)
            note, beyond = self._alias_note(bank), gap / 2 - sheet.px(3)
            below = note if len(banks) == 1 else ""
            self._frequency_axis(axes, box, bank, frequencies, below, box.width + 2 * beyond)
            self._image = mosaic.PixelImage.in_axes(axes)
            self._image.set_pixels(self._pixels(levels))
            marks = self._mark_alias(axes, box, bank)
            if i == 0:
                self._label_rows(box, bank)
            if len(banks) > 1:
                words = captions.joined(captions.moment(each) or "reference", note) if i == 0 else ""
                self._head = sheet.caption(box, words, beyond)
        sheet.moving += [self._image, *marks, *([] if self._head is None else [self._head])]

    def _pixels(self, levels: Array) -> Array:
        return mosaic.heat(levels - FLOOR, *self._map_size, -FLOOR, DECIBEL_CMAP, one_sided=True, undefined=DEAD_FACE)

    def _label_rows(self, box: Box, bank: FilterBank) -> None:
        count = min(len(self._order), max(int(box.height / self.sheet.px(18)), 2))
        rows = np.unique(np.linspace(0, len(self._order) - 1, count).round().astype(int))
        numbers = bank.indices[self._order[rows]].tolist()
        number_rows(self.sheet, box, (rows + 0.5) / len(self._order), numbers, "filter, by peak")

    def update(self, bank: FilterBank, moment: str | None = None) -> None:
        """Redraw for another moment.

        Args:
            bank: The same layer.
            moment: When that is, for the title. Default: from the bank's epoch.
        """
        whole, bank = bank, bank.head(self._max_filters)
        marks = captions.Marks(whole, bank.filters)
        _, levels = self._decibels(bank)
        levels[marks.nonfinite[self._order]] = np.inf
        when = captions.moment(bank) if moment is None else moment
        if hasattr(self, "_curves"):
            for curve, row in zip(self._curves, levels, strict=True):
                curve.set_segments([np.stack([self._frequencies, np.where(np.isfinite(row), row, np.nan)], axis=-1)])
        else:
            self._image.set_pixels(self._pixels(levels))
            if self._head is not None:
                self._head.set_text(when or "now")
        self.sheet.set_title(captions.joined(captions.shape(bank), marks.summary(), when))


def _make(bank: FilterBank, reference: FilterBank | None, options: Options, figure: FigureBase | None) -> Picture:
    return ResponsePicture(bank, reference, options.sample_rate, options.max_filters, figure)


KIND = Kind(
    "response",
    "Magnitude response, dB re each filter's maximum; rows sorted by the **initial** peak frequency.",
    _make,
    taps=2,
    frequencies=True,
)
