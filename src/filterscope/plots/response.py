"""The ``response`` picture: magnitude response in dB, beside the initial one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import PathPatch

from filterscope.filters import spectrum
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank, require_bank
from filterscope.filters.words import Frequency
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar
from filterscope.plots.drawing.canvas import TEXT, AnyFigure, Box, Frame, Plane, Sheet, Target
from filterscope.plots.drawing.colours import DEAD_FACE, DECIBEL_CMAP, INK, PALE
from filterscope.plots.drawing.frequencies import FrequencyAxis, check_axis, log_edges, lowest
from filterscope.plots.drawing.lettering import QuickText, shortened
from filterscope.plots.drawing.reduction import trace
from filterscope.plots.drawing.references import name_of, same_filters
from filterscope.plots.drawing.scales import (
    legend,
    mark_left,
    name_left,
    number_rows,
    renumber,
    round_ticks,
    rule,
    tick_labels,
)
from filterscope.plots.picture import Kind, Options, Picture

FLOOR = -40.0
#: Up to so many filters are drawn as curves.
CURVES = 4


def plot_response(
    bank: FilterBank,
    *,
    reference: FilterBank | None = None,
    reference_name: str | None = None,
    sample_rate: float | None = None,
    frequency: Frequency = "linear",
    max_filters: int | None = None,
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw the magnitude response of all filters, in dB re each filter's own maximum, floor -40.

    A heat map of filters by frequency, the reference's beside it; up to 4 filters as curves, the reference's pale.
    The rows of a map are in the order of its own peaks, from low to high, and labelled with the filters' numbers. A
    dashed line marks the frequency above which the layer's stride aliases. Zero filters are grey, non-finite ones
    amber.

    Args:
        bank: Filters to draw.
        reference: The same filters at an earlier moment, or the same layer of another run, whatever its name there.
        reference_name: What to call the reference, such as ``"lr 0.1"``. Default: by its moment.
        sample_rate: Hz at the layer's input. Default: the bank's own; without any, cycles per sample.
        frequency: ``"log"``: a logarithmic axis, from half of what the kernel's length resolves.
        max_filters: Draw the lowest-numbered ones only; ``None`` for all.
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        ValueError: A reference of another shape, a name without a reference, a ``sample_rate`` that is not positive and
            finite, an unknown ``frequency``, or ``"log"`` for complex filters, which have negative frequencies.
    """
    frame = Frame(figure, title, colorbar)
    picture = ResponsePicture(bank, reference, sample_rate, max_filters, frame, frequency, reference_name)
    return frame.filled(picture.sheet)


class ResponsePicture:
    """The picture of :func:`plot_response`, which can be redrawn for another moment, and another layer."""

    def __init__(
        self,
        bank: FilterBank,
        reference: FilterBank | None = None,
        sample_rate: float | None = None,
        max_filters: int | None = None,
        figure: Target = None,
        frequency: Frequency = "linear",
        reference_name: str | None = None,
        in_order: bool = False,
    ) -> None:
        require_bank(bank)
        self._in_order = in_order
        self._name = name_of(reference, reference_name)
        check_axis(frequency, bank.weights)
        first = bank.head(max_filters)
        self._rate, self._max_filters, self._is_log = sample_rate, max_filters, frequency == "log"
        self._reference = None if reference is None else same_filters(reference, first, max_filters)
        self.sheet = Sheet(figure, "response")
        self._curves: list[LineCollection] = []  # or maps: the reference's first, if it is drawn
        self._maps: list[_Map] = []
        self._names: list[QuickText] = []  # of the curves
        self._note = ""  # what is said of the axis of frequencies
        draw = self._make_curves if first.filters <= CURVES else self._make_maps
        draw(first, self._levels(first)[0])
        if self._reference is not None:
            self._refer(self._reference)
        self.update(bank)

    def _axis(self, axes: Plane, bank: FilterBank, frequencies: Array) -> FrequencyAxis:
        """Have axes show these frequencies."""
        span = float(frequencies[0]), float(frequencies[-1])
        if self._is_log:
            axes.in_octaves()
        axes.span(x=span)
        return FrequencyAxis(bank, self._rate, span, self._is_log)

    def _make_curves(self, bank: FilterBank, frequencies: Array) -> None:
        sheet = self.sheet
        area = sheet.body.shrink(left=sheet.px(46), top=sheet.px(4), right=sheet.px(12), bottom=sheet.px(36))
        colours = ["#2f6db3", "#d1495b", "#2a9d62", "#8e5bb5"][: bank.filters]
        pale: dict[str, Any] = {"alpha": 0.35, "linewidths": 1.5}
        full: dict[str, Any] = {"linewidths": 2, "zorder": 3}
        entries: list[tuple[str, Any]] = [
            (f"filter {index}", colour) for index, colour in zip(bank.indices, colours, strict=True)
        ]
        if self._reference is not None:
            pale_colour = to_rgba(colours[0] if bank.filters == 1 else INK, pale["alpha"])
            words = shortened(self._name, TEXT, 0.3 * area.width, sheet.dpi) or "reference"
            entries.append((f"pale: {words}", pale_colour))  # as long as most moments that take its place
        key, area = legend(sheet, area, entries)
        self._names = [artist for artist in key if isinstance(artist, QuickText)]
        box = area.snapped()
        axes, known = sheet.axes(box), len(sheet.figure.artists)
        low, high = FLOOR - 1, 2.0
        axes.span(y=(low, high))
        axis = self._axis(axes, bank, frequencies)
        columns = axis.number(sheet, box, axis.note, most=5)
        levels = round_ticks(low, high, 5)
        rows = (levels - low) / (high - low)
        mark_left(sheet, box, rows, tick_labels(levels))
        ticks = _ticks(sheet, known)
        name_left(sheet, box, "dB re maximum", 37)
        rule(sheet, box, columns, rows, PALE, 0.6)
        axis.mark_alias(sheet, box, zorder=-0.5)
        if self._reference is not None:
            self._curves = [sheet.add(LineCollection([], colors=colour, **pale), axes) for colour in colours]
            sheet.moving += [*self._curves, *ticks]
        curves = [sheet.add(LineCollection([], colors=colour, **full), axes) for colour in colours]
        self._curves += curves
        self._columns = int(box.width)
        sheet.moving += [*curves, *key]

    def _make_maps(self, bank: FilterBank, frequencies: Array) -> None:
        sheet = self.sheet
        area, bar = ColourBar.beside(sheet, sheet.body)
        levels_bar = ColourBar(sheet, bar, DECIBEL_CMAP, "dB", (0, 0.25, 0.5, 0.75, 1))
        levels_bar.set_labels("≤ −40", "−30", "−20", "−10", "0")
        area = area.shrink(left=sheet.px(46), right=sheet.px(8), bottom=sheet.px(36))
        gap = sheet.px(38)
        count = 1 if self._reference is None else 2
        across = 1 if area.width < 4 * gap else count  # else one below the other
        width = (area.width - gap * (across - 1)) / across
        head, foot = sheet.px(17) if count > 1 else sheet.px(4), sheet.px(36)
        between = foot + sheet.px(8)
        height = (area.height + between) / (count // across)
        beyond = gap / 2 - sheet.px(3)
        for i in range(count):
            left, top = area.left + i % across * (width + gap), area.top + i // across * height
            box = Box(left, top + head, width, height - head - between).snapped()
            axes, known = sheet.axes(box), len(sheet.figure.artists)
            axes.span(y=(bank.filters, 0))
            axis = self._axis(axes, bank, frequencies)
            self._note = axis.note
            axis.number(sheet, box, axis.note if count == 1 else "", box.width + 2 * beyond, most=5)
            image = mosaic.PixelImage.in_axes(axes)
            sheet.moving += [image, *axis.mark_alias(sheet, box)]
            shown = min(bank.filters, max(int(box.height / sheet.px(18)), 2))
            rows = np.unique(np.linspace(0, bank.filters - 1, shown).round().astype(int))
            centres = (rows + 0.5) / bank.filters
            name = ("filter" if self._in_order else "filter, by peak") if i % across == 0 else ""
            numbers = number_rows(sheet, box, centres, bank.indices[rows].tolist(), name)
            sheet.moving.append(numbers)
            if i == 0 and count > 1:  # the ticks lie on the map of the reference
                sheet.moving += _ticks(sheet, known)
            head_line = sheet.caption(box, "") if count > 1 else None
            self._maps.append(_Map(image, box, rows, centres, numbers, head_line, box.width + 2 * beyond))
        sheet.moving += [each.head for each in self._maps if each.head]

    def _refer(self, reference: FilterBank) -> None:
        """Draw a reference where it has a place."""
        words = self._name or captions.moment(reference) or "reference"
        if self._curves:
            if not self._name:
                self._names[-1].set_text(f"pale: {words}")
        elif len(self._maps) == 1:
            return
        self._show(0, reference, captions.joined(words, self._note))

    def _levels(self, bank: FilterBank) -> tuple[Array, Array, Array]:
        """Frequencies of the axis, decibels of the filters, and the order of their rows."""
        frequencies, magnitude = spectrum.baseband(bank, self._rate)
        kept = slice(None)
        if self._is_log:
            kept = slice(int(np.searchsorted(frequencies, lowest(bank, self._rate))), None)
        order = np.arange(bank.filters)
        if not self._in_order:  # NaN sorts last: filters without a peak lie at the bottom
            order = np.argsort(spectrum.peaks(frequencies, magnitude), kind="stable")
        levels = spectrum.decibels(magnitude, FLOOR)
        levels[~np.isfinite(bank.weights).all(axis=(1, 2))] = np.inf
        return frequencies[kept], levels[:, kept], order

    def _show(self, place: int, bank: FilterBank, words: str) -> None:
        """Draw a moment: the reference's place is 0, that of the newest one -1."""
        frequencies, levels, order = self._levels(bank)
        if self._curves:
            part = slice(bank.filters) if place == 0 else slice(-bank.filters, None)
            for curve, row, number in zip(self._curves[part], levels, bank.indices, strict=True):
                known = np.where(np.isfinite(row), row, np.nan)
                curve.set_segments([np.stack(trace(frequencies, known, self._columns), axis=-1)])
                curve.set_label(f"filter {number}" if place else "")
            return
        drawn = self._maps[place]
        renumber(drawn.numbers, self.sheet, drawn.box, drawn.centres, bank.indices[order][drawn.rows].tolist())
        height, width = int(drawn.box.height), int(drawn.box.width)
        levels = levels[order] - FLOOR
        if self._is_log:
            levels = mosaic.lay(levels, log_edges(frequencies, width), width, -1)
        drawn.image.set_pixels(
            mosaic.heat(levels, height, width, -FLOOR, DECIBEL_CMAP, one_sided=True, undefined=DEAD_FACE)
        )
        if drawn.head:
            self.sheet.fit(drawn.head, words, drawn.room)

    def update(self, bank: FilterBank, moment: str | None = None, reference: FilterBank | None = None) -> None:
        """Redraw, as :meth:`Kind.update` does."""
        whole, bank = bank, bank.head(self._max_filters)
        if reference is not None and reference is not self._reference:
            self._reference = same_filters(reference, bank, self._max_filters)
            self._refer(self._reference)
        marks = captions.Marks(whole, bank.filters)
        when = captions.moment(bank) if moment is None else moment
        self._show(-1, bank, when or "now")
        against = captions.against(self._name)
        self.sheet.set_title(bank.layer, captions.joined(captions.shape(bank), marks.summary(), against, when))


@dataclass(frozen=True)
class _Map:
    """A map of filters by frequency: its image, which rows of it have numbers, and what is said above it."""

    image: mosaic.PixelImage
    box: Box
    rows: Array
    centres: Array
    numbers: PathPatch
    head: QuickText | None
    room: float


def _ticks(sheet: Sheet, known: int) -> list[LineCollection]:
    """Those among a sheet's artists, of which so many are older: they lie on what is drawn of the reference."""
    return [each for each in sheet.figure.artists[known:] if isinstance(each, LineCollection)]


def _make(bank: FilterBank, reference: FilterBank | None, options: Options, figure: Target) -> Picture:
    how = options.sample_rate, options.max_filters, figure, options.frequency
    return ResponsePicture(bank, reference, *how, in_order=options.in_order)


KIND = Kind(
    "response",
    "Magnitude response, dB re each filter's maximum; each map in the order of its own peaks.",
    _make,
    taps=2,
    frequencies=True,
)
