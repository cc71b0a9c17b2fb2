"""The ``spectrum`` picture: frequencies that all filters pass together, over time (runs only)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection

from filterscope.filters import spectrum
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.history import FilterHistory
from filterscope.filters.words import Frequency
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar
from filterscope.plots.drawing.canvas import AnyFigure, Box, Frame, Sheet, Target
from filterscope.plots.drawing.colours import DEAD_FACE, DECIBEL_CMAP, INK, PLAIN
from filterscope.plots.drawing.frequencies import FrequencyAxis, check_axis, log_edges, lowest
from filterscope.plots.drawing.limits import format_value, safe_limit
from filterscope.plots.drawing.scales import mark_left, name_left, rule
from filterscope.plots.drawing.times import TimeAxis
from filterscope.plots.picture import Comparison, Kind, Options, Picture, Times, draw

#: Frequencies of each moment that are remembered: of more, the largest of every few.
_MOST = 512
_THEN = "#8b96a3"


def plot_spectrum(
    history: FilterHistory,
    *,
    sample_rate: float | None = None,
    frequency: Frequency = "linear",
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw the layer's cumulative response: which frequencies its filters pass together, and since when.

    The mean over the filters of each one's magnitude response, divided by that response's root mean square: 1 where
    all filters pass all frequencies alike, lower where each passes a band of its own, 0 where no filter passes any.
    Above, the last snapshot's as a strong curve and the reference's as a pale one; below, those of all snapshots, with
    time downwards. A dashed line marks the frequency above which the layer's stride aliases. Filters that are zero, or
    hold NaN or Inf, are left out; a snapshot without any others is grey, or amber.

    Args:
        history: Snapshots of one layer.
        sample_rate: Hz at the layer's input. Default: the bank's own; without any, cycles per sample.
        frequency: ``"log"``: a logarithmic axis, from half of what the kernel's length resolves.
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        TypeError: Not a history.
        ValueError: A ``sample_rate`` that is not positive and finite, an unknown ``frequency``, or ``"log"`` for
            complex filters, which have negative frequencies.
    """
    options = Options(max_filters=None, sample_rate=sample_rate, frequency=frequency)
    return draw(KIND, history, options, Frame(figure, title, colorbar))


class SpectrumPicture:
    """The picture of :func:`plot_spectrum`, which grows by a row with each snapshot."""

    def __init__(
        self,
        bank: FilterBank,
        reference: FilterBank,
        sample_rate: float | None,
        figure: Target = None,
        frequency: Frequency = "linear",
    ) -> None:
        check_axis(frequency, bank.weights)
        self._is_log = frequency == "log"
        self.sheet = sheet = Sheet(figure, "spectrum")
        self._filters, self._rate, self._reference = bank.filters, sample_rate, reference
        area, side = ColourBar.beside(sheet, sheet.body)
        head, right = (5, 4) if sheet.has_bars else (24, 12)  # without a bar there is no place beside the curves
        area = area.shrink(left=sheet.px(52), top=sheet.px(head), right=sheet.px(right), bottom=sheet.px(36))
        gap = sheet.px(13)
        upper, lower = area.split_bottom((area.height - gap) / 2)
        upper, lower = upper.shrink(bottom=gap).snapped(), lower.snapped()
        self._then = _level(reference)
        axis = FrequencyAxis(bank, sample_rate, self._span(bank), self._is_log)
        self._make_curves(upper, axis.number(sheet, lower, axis.note))
        beside = [Box(side.left, upper.top + sheet.px(4 + 19 * line), side.width, 0) for line in (0, 1)]
        half = upper.width / 2
        above = [Box(upper.left + part * half, area.top - sheet.px(24), half, 0) for part in (0, 1)]
        self._make_legend(beside if sheet.has_bars else above)
        # The strip begins above the map, since the bar's caption is above the bar.
        strip = Box(side.left, lower.top - sheet.px(14), side.width, lower.height + sheet.px(25))
        self._bar = ColourBar(sheet, strip, DECIBEL_CMAP, "gain", (0, 0.5, 1), moving=True)
        self._map = mosaic.PixelImage.in_box(sheet, lower)
        self._size = int(lower.height), int(lower.width)
        self._times = TimeAxis(sheet, lower, down=True)
        sheet.moving += [self._map, *axis.mark_alias(sheet, upper), *axis.mark_alias(sheet, lower)]
        self._name(reference)

    def _frequencies(self, bank: FilterBank) -> Array:
        """Those that are drawn: the highest ones of each row."""
        frequencies = spectrum.cumulative_frequencies(bank, _MOST, self._rate)
        return frequencies[frequencies >= lowest(bank, self._rate)] if self._is_log else frequencies

    def _span(self, bank: FilterBank) -> tuple[float, float]:
        """Of the axis."""
        low, high = spectrum.bounds(bank, self._rate)
        return float(self._frequencies(bank)[0]) if self._is_log else low, high

    def _make_curves(self, box: Box, shares: Array) -> None:
        """Axes with a pale and a strong curve, and lines at shares of its width, and of its height."""
        sheet = self.sheet
        self._axes = axes = sheet.axes(box)
        if self._is_log:
            axes.in_octaves()
        places = np.array([0, 0.5, 1])
        rule(sheet, box, shares, places, DEAD_FACE, 1.5)
        name_left(sheet, box, "mean gain", 37)
        self._levels = mark_left(sheet, box, places, ["", "", ""])
        self._curves = [
            sheet.add(LineCollection([], colors=colour, linewidths=width, zorder=3), axes)
            for colour, width in ((_THEN, 1.5), (PLAIN, 2))
        ]
        sheet.moving += [*self._curves, *self._levels]

    def _make_legend(self, places: Sequence[Box]) -> None:
        """When each of the two curves was, outside of their box: they leave no corner free."""
        sheet, self._words = self.sheet, []
        sample = sheet.px(14)
        self._room = places[0].width - sample - sheet.px(12)
        for place, (curve, width) in zip(places, ((_THEN, 1.5), (PLAIN, 2)), strict=True):
            left, y = place.left + sheet.px(8), place.top + sheet.px(10)
            sheet.add(LineCollection([[(left, y), (left + sample, y)]], colors=curve, linewidths=width))
            self._words.append(sheet.write(left + sample + sheet.px(4), y, "", color=INK, va="center"))
        sheet.moving += self._words

    def _name(self, reference: FilterBank) -> None:
        self.sheet.fit(self._words[0], captions.moment(reference) or "reference", self._room)

    def update(
        self,
        bank: FilterBank,
        rows: Sequence[Array],
        times: Times,
        moment: str | None = None,
        reference: FilterBank | None = None,
        now: int = -1,
    ) -> None:
        """Redraw, as :meth:`Kind.update` does; rows are those of :func:`~filterscope.filters.spectrum.cumulative`.

        Of these, ``now`` is the newest one's position; later ones are there for the scale, and not drawn.
        """
        if reference is not None and reference is not self._reference:
            self._reference, self._then = reference, _level(reference)
            self._name(reference)
        levels = np.stack(rows)
        limit = max(_round_up(safe_limit(levels, self._then)), 2.0)  # what is even is in the middle, or below
        frequencies = self._frequencies(bank)
        kept = slice(-len(frequencies), None)
        self._axes.span(self._span(bank), (0, limit))
        for curve, level in zip(self._curves, (self._then, levels[now]), strict=True):
            known = np.where(np.isfinite(level), level, np.nan)
            curve.set_segments([np.stack([frequencies, known[kept]], axis=-1)])
        labels = [format_value(each) for each in (0, limit / 2, limit)]
        self._bar.set_labels(*labels)
        for artist, label in zip(self._levels, labels, strict=True):
            artist.set_text(label)
        if now != -1:
            levels[now + 1 :] = np.nan
        if self._is_log:
            width = self._size[1]
            levels = mosaic.lay(levels[:, kept], log_edges(frequencies, width), width, -1)
        laid = mosaic.lay_epochs(levels, times.values, self._size[0])
        pixels = mosaic.heat(laid, *self._size, limit, DECIBEL_CMAP, one_sided=True, undefined=DEAD_FACE)
        self._map.set_pixels(pixels)
        self._times.update(times.values, times.unit)
        marks = captions.Marks(bank, self._filters)
        shown = bank.head(self._filters)
        when = captions.moment(bank) if moment is None else moment
        self.sheet.fit(self._words[1], when.rpartition(", ")[2] or "now", self._room)
        self.sheet.set_title(bank.layer, captions.joined(captions.shape(shown), marks.summary(), when))


def _round_up(value: float) -> float:
    """The next round number, whose half is round too."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(float(step * power) for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-6))


def _row(moment: Comparison, options: Options) -> Array:
    return spectrum.cumulative(moment.weights, _MOST, moment.transposed)


def _level(reference: FilterBank) -> Array:
    return spectrum.cumulative(reference.weights, _MOST, reference.transposed)


def _make(bank: FilterBank, reference: FilterBank | None, options: Options, figure: Target) -> Picture:
    return SpectrumPicture(bank, reference or bank, options.sample_rate, figure, options.frequency)


KIND = Kind(
    "spectrum",
    "What all filters pass together: mean of their responses, each re its root mean square; 1: each passes all alike.",
    _make,
    _row,
    taps=2,
    frequencies=True,
)
