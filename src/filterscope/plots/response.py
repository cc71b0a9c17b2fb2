"""The ``response`` picture: magnitude response in dB, beside the initial one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter, MaxNLocator

from filterscope.filters import spectrum
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import require
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar
from filterscope.plots.drawing.canvas import DEAD_FACE, DECIBEL_CMAP, GREY, INK, PALE, TEXT, Box, Sheet
from filterscope.plots.drawing.lettering import QuickText, text_width
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
        require(bank, FilterBank, "read_filters gives a dict of them: choose one, such as banks['conv1']")
        first = bank.head(max_filters)
        self._rate, self._max_filters = sample_rate, max_filters
        self._reference = None if reference is None else same_filters(reference.head(max_filters), first)
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
        self, axes: Axes, bank: FilterBank, frequencies: Array, width: float, note: str, room: float
    ) -> None:
        known = self._rate is not None or bank.sample_rate is not None
        kilo = known and frequencies[-1] >= 2000
        unit = "kHz" if kilo else "Hz" if known else "cycles/sample"
        words = (captions.joined(f"frequency ({unit})", note), captions.joined(unit, note), unit)
        fitting = (each for each in words if text_width(each, TEXT, dpi=self.sheet.dpi) <= room)
        axes.set_xlabel(next(fitting, unit), fontsize=TEXT, color=GREY, labelpad=1)
        if kilo:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}"))
        characters = 5 if np.iscomplexobj(bank.weights) else 3
        axes.xaxis.set_major_locator(MaxNLocator(self.sheet.tick_intervals(width, characters, 5)))
        axes.tick_params(labelsize=TEXT, color=GREY, labelcolor=INK, length=3)
        axes.spines[:].set_visible(False)
        axes.set_xlim(frequencies[0], frequencies[-1])

    @staticmethod
    def _alias_note(bank: FilterBank) -> str:
        return "dashed: stride alias" if bank.stride > bank.dilation else ""

    def _mark_alias(self, axes: Axes, bank: FilterBank) -> None:
        alias = spectrum.tap_rate(bank, self._rate) / (2 * bank.stride)
        if bank.stride > bank.dilation:
            for side in (alias, -alias) if np.iscomplexobj(bank.weights) else (alias,):
                axes.axvline(side, color="#ffffff", linewidth=3, alpha=0.7)
                axes.axvline(side, color=INK, linewidth=1.5, linestyle=(0, (4, 3)))

    def _make_curves(self, bank: FilterBank) -> None:
        sheet = self.sheet
        box = sheet.body.shrink(left=sheet.px(46), top=sheet.px(4), right=sheet.px(12), bottom=sheet.px(36))
        axes = sheet.axes(box)
        frequencies, _ = self._decibels(bank)
        self._frequency_axis(axes, bank, frequencies, box.width, self._alias_note(bank), box.width)
        axes.set_ylim(FLOOR - 1, 2)
        axes.set_ylabel("dB re maximum", fontsize=TEXT, color=GREY)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(True, color=PALE, linewidth=0.6)
        self._mark_alias(axes, bank)
        colours = ["#2f6db3", "#d1495b", "#2a9d62", "#8e5bb5"]
        if self._reference is not None:
            then = self._decibels(self._reference)[1]
            for row, colour in zip(then, colours, strict=False):
                axes.plot(frequencies, row, color=colour, alpha=0.35, linewidth=1.5)
        self._curves = [
            axes.plot(frequencies, np.full(len(frequencies), np.nan), color=colour, linewidth=2,
                      label=f"filter {bank.indices[row]}")[0]
            for row, colour in zip(self._order, colours, strict=False)
        ]  # fmt: skip
        columns = min(len(self._curves), max(1, int(box.width / sheet.px(90))))
        legend = axes.legend(loc="lower right", fontsize=TEXT, framealpha=0.85, edgecolor="none", ncols=columns)
        sheet.moving += [*self._curves, legend]

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
            self._frequency_axis(axes, bank, frequencies, box.width, below, box.width + 2 * beyond)
            self._image = mosaic.PixelImage.in_axes(axes)
            self._image.set_pixels(self._pixels(levels))
            self._mark_alias(axes, bank)
            self._label_rows(axes, box, bank, first=i == 0)
            if len(banks) > 1:
                words = captions.joined(captions.moment(each) or "reference", note) if i == 0 else ""
                self._head = sheet.caption(box, words, beyond)
        sheet.moving += [self._image, *(axes.lines), *([] if self._head is None else [self._head])]

    def _pixels(self, levels: Array) -> Array:
        return mosaic.heat(levels - FLOOR, *self._map_size, -FLOOR, DECIBEL_CMAP, one_sided=True, undefined=DEAD_FACE)

    def _label_rows(self, axes: Axes, box: Box, bank: FilterBank, first: bool) -> None:
        if not first:
            axes.set_yticks([])
            return
        count = min(len(self._order), max(int(box.height / self.sheet.px(18)), 2))
        rows = np.unique(np.linspace(0, len(self._order) - 1, count).round().astype(int))
        numbers = bank.indices[self._order[rows]].tolist()
        self.sheet.number_rows(axes, box, (rows + 0.5) / len(self._order), numbers, "filter, by peak")

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
                curve.set_ydata(np.where(np.isfinite(row), row, np.nan))
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
