"""The ``response`` picture: magnitude response in dB, beside the initial one."""

from __future__ import annotations

from collections.abc import Callable
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
from filterscope.plots.drawing.canvas import DEAD_FACE, DECIBEL_CMAP, INK, PALE, TEXT, Box, Frame, Sheet, Target
from filterscope.plots.drawing.lettering import QuickText, text_width
from filterscope.plots.drawing.scales import (
    fitting_ticks,
    legend,
    mark_below,
    mark_left,
    name_below,
    name_left,
    number_rows,
    renumber,
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
    title: bool = True,
    colorbar: bool = True,
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
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        ValueError: A reference of another shape, or a ``sample_rate`` that is not positive and finite.
    """
    return ResponsePicture(bank, reference, sample_rate, max_filters, Frame(figure, title, colorbar)).sheet.figure


class ResponsePicture:
    """The picture of :func:`plot_response`, which can be redrawn for another moment, and another layer."""

    def __init__(
        self,
        bank: FilterBank,
        reference: FilterBank | None = None,
        sample_rate: float | None = None,
        max_filters: int | None = None,
        figure: Target = None,
    ) -> None:
        require_bank(bank)
        first = bank.head(max_filters)
        self._rate, self._max_filters = sample_rate, max_filters
        self._reference = None if reference is None else same_filters(reference, first, max_filters)
        self.sheet = Sheet(figure, "response")
        self._curves: list[LineCollection] = []  # or maps and their sizes: the reference's first, if it is drawn
        self._maps: list[tuple[mosaic.PixelImage, tuple[int, int]]] = []
        self._renumber: list[Callable[[Array], None]] = []  # the rows of maps
        self._names: list[QuickText] = []  # of the curves
        self._heads: list[QuickText] = []  # of two maps
        draw = self._make_curves if first.filters <= CURVES else self._make_maps
        draw(first, spectrum.baseband(first, sample_rate)[0])
        self._refer(first if self._reference is None else self._reference)
        self.update(bank)

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

    def _make_curves(self, bank: FilterBank, frequencies: Array) -> None:
        sheet = self.sheet
        box = sheet.body.shrink(left=sheet.px(46), top=sheet.px(4), right=sheet.px(12), bottom=sheet.px(36)).snapped()
        axes, known = sheet.axes(box), len(sheet.figure.artists)
        low, high = FLOOR - 1, 2.0
        axes.set_ylim(low, high)
        columns = self._frequency_axis(axes, box, bank, frequencies, self._alias_note(bank), box.width)
        levels = round_ticks(low, high, 5)
        rows = (levels - low) / (high - low)
        mark_left(sheet, box, rows, tick_labels(levels))
        ticks = _ticks(sheet, known)
        name_left(sheet, box, "dB re maximum", 37)
        upright = [[(x, box.top), (x, box.top + box.height)] for x in box.left + columns * box.width]
        level = [[(box.left, y), (box.left + box.width, y)] for y in box.top + (1 - rows) * box.height]
        sheet.add(LineCollection([*upright, *level], colors=PALE, linewidths=0.6, zorder=-1))
        self._mark_alias(axes, box, bank)
        colours = ["#2f6db3", "#d1495b", "#2a9d62", "#8e5bb5"][: bank.filters]
        pale: dict[str, Any] = {"alpha": 0.35, "linewidths": 1.5}
        full: dict[str, Any] = {"linewidths": 2, "zorder": 3}
        if self._reference is not None:
            self._curves = [sheet.add(LineCollection([], colors=colour, **pale), axes) for colour in colours]
            sheet.moving += [*self._curves, *ticks]
        curves = [sheet.add(LineCollection([], colors=colour, **full), axes) for colour in colours]
        self._curves += curves
        self._frequencies = frequencies
        names = [f"filter {index}" for index in bank.indices]
        key = legend(sheet, box, list(zip(names, colours, strict=True)), TEXT, at_top=False)
        self._names = [artist for artist in key if isinstance(artist, QuickText)]
        sheet.moving += [*curves, *key]

    def _make_maps(self, bank: FilterBank, frequencies: Array) -> None:
        sheet = self.sheet
        area, bar = ColourBar.beside(sheet, sheet.body)
        levels_bar = ColourBar(sheet, bar, DECIBEL_CMAP, "dB", (0, 0.25, 0.5, 0.75, 1))
        levels_bar.set_labels("≤ −40", "−30", "−20", "−10", "0")
        area = area.shrink(left=sheet.px(46), right=sheet.px(8), bottom=sheet.px(36))
        gap = sheet.px(30)
        count = 1 if self._reference is None else 2
        across = 1 if area.width < 5 * gap else count  # else one below the other
        width = (area.width - gap * (across - 1)) / across
        head, foot = sheet.px(17) if count > 1 else sheet.px(4), sheet.px(36)
        between = foot + sheet.px(8)
        height = (area.height + between) / (count // across)
        note, beyond = self._alias_note(bank), gap / 2 - sheet.px(3)
        for i in range(count):
            left, top = area.left + i % across * (width + gap), area.top + i // across * height
            box = Box(left, top + head, width, height - head - between).snapped()
            axes, known = sheet.axes(box), len(sheet.figure.artists)
            axes.set_ylim(bank.filters, 0)
            below = note if count == 1 else ""
            self._frequency_axis(axes, box, bank, frequencies, below, box.width + 2 * beyond)
            image = mosaic.PixelImage.in_axes(axes)
            self._maps.append((image, (int(box.height), int(box.width))))
            sheet.moving += [image, *self._mark_alias(axes, box, bank)]
            if i == 0 or across == 1:
                self._number_rows(box, bank)
            if i == 0:
                self._room = box.width + 2 * beyond  # for what is said above it
                if count > 1:  # the ticks lie on the map of the reference
                    sheet.moving += _ticks(sheet, known)
            if count > 1:
                self._heads.append(sheet.caption(box, ""))
        sheet.moving += self._heads

    def _number_rows(self, box: Box, bank: FilterBank) -> None:
        count = min(bank.filters, max(int(box.height / self.sheet.px(18)), 2))
        rows = np.unique(np.linspace(0, bank.filters - 1, count).round().astype(int))
        centres = (rows + 0.5) / bank.filters
        numbers = number_rows(self.sheet, box, centres, bank.indices[rows].tolist(), "filter, by peak")
        self.sheet.moving.append(numbers)

        def write(indices: Array) -> None:
            renumber(numbers, self.sheet, box, centres, indices[rows].tolist())

        self._renumber.append(write)

    def _refer(self, reference: FilterBank) -> None:
        """Put the rows in the order of a reference's peaks, and draw it where it has a place."""
        # NaN sorts last: filters without a peak lie at the bottom.
        self._order = np.argsort(spectrum.peak_frequency(reference, self._rate), kind="stable")
        numbers = reference.indices[self._order]
        for write in self._renumber:
            write(numbers)
        for text, curve, number in zip(self._names, self._curves[-len(numbers) :], numbers, strict=False):
            text.set_text(f"filter {number}")
            curve.set_label(f"filter {number}")
        if self._reference is not None:
            self._show(0, self._levels(reference))
        if self._heads:
            words = captions.joined(captions.moment(reference) or "reference", self._alias_note(reference))
            self.sheet.fit(self._heads[0], words, self._room)

    def _levels(self, bank: FilterBank) -> Array:
        """Decibels of the filters, in the order of the rows."""
        return spectrum.decibels(spectrum.baseband(bank, self._rate)[1], FLOOR)[self._order]

    def _show(self, place: int, levels: Array) -> None:
        """Draw a moment: the reference's place is 0, that of the newest one -1."""
        if self._curves:
            part = slice(len(levels)) if place == 0 else slice(-len(levels), None)
            for curve, row in zip(self._curves[part], levels, strict=True):
                curve.set_segments([np.stack([self._frequencies, np.where(np.isfinite(row), row, np.nan)], axis=-1)])
        else:
            image, size = self._maps[place]
            pixels = mosaic.heat(levels - FLOOR, *size, -FLOOR, DECIBEL_CMAP, one_sided=True, undefined=DEAD_FACE)
            image.set_pixels(pixels)

    def update(self, bank: FilterBank, moment: str | None = None, reference: FilterBank | None = None) -> None:
        """Redraw.

        Args:
            bank: The same layer at another moment, or another layer of the same shape, stride, dilation and rate.
            moment: When that is, for the title. Default: from the bank's epoch.
            reference: The same filters at an earlier moment. Default: the one before.
        """
        whole, bank = bank, bank.head(self._max_filters)
        if reference is not None and reference is not self._reference:
            then = same_filters(reference, bank, self._max_filters)
            self._refer(then)
            self._reference = then
        marks = captions.Marks(whole, bank.filters)
        levels = self._levels(bank)
        levels[marks.nonfinite[self._order]] = np.inf
        when = captions.moment(bank) if moment is None else moment
        self._show(-1, levels)
        if self._heads:
            self._heads[1].set_text(when or "now")
        self.sheet.set_title(bank.layer, captions.joined(captions.shape(bank), marks.summary(), when))


def _ticks(sheet: Sheet, known: int) -> list[LineCollection]:
    """Those among a sheet's artists, of which so many are older: they lie on what is drawn of the reference."""
    return [each for each in sheet.figure.artists[known:] if isinstance(each, LineCollection)]


def _make(bank: FilterBank, reference: FilterBank | None, options: Options, figure: Target) -> Picture:
    return ResponsePicture(bank, reference, options.sample_rate, options.max_filters, figure)


KIND = Kind(
    "response",
    "Magnitude response, dB re each filter's maximum; rows sorted by the **initial** peak frequency.",
    _make,
    taps=2,
    frequencies=True,
)
