"""The ``evolution`` picture: epochs by taps, difference from the initial filter (runs only)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Literal, get_args

import numpy as np

from filterscope.filters import channels as reductions
from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_choice
from filterscope.filters.history import FilterHistory
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar, set_limit, value_bar
from filterscope.plots.drawing.canvas import AnyFigure, Frame, Sheet, Target
from filterscope.plots.drawing.colours import rotation_colours
from filterscope.plots.drawing.limits import is_clipped, shared_limit
from filterscope.plots.drawing.tiles import HeatTiles
from filterscope.plots.picture import Comparison, Kind, Options, Picture, Times, draw

Show = Literal["difference", "weights"]
#: How other reductions than the principal shape are called.
_HOW = {how: how for how in ("sum", "mean", "max")}


def plot_evolution(
    history: FilterHistory,
    *,
    show: Show = "difference",
    channels: str = "auto",
    max_filters: int | None = 64,
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw how every filter came about: a tile of epochs (downwards) by taps for each filter.

    The difference from the reference shows what was learned, which a random initialisation hides. Several channels
    are shown as one sum of them, the one that shows most of the newest difference: along its principal direction over
    the channels, whose sign stays as it was at first. All tiles and epochs share one scale. The colour of a frame is
    the filter's last rotation.

    Args:
        history: Snapshots of one layer.
        show: ``"difference"`` from the reference, or the ``"weights"`` themselves.
        channels: Reduction of what is shown; ``"auto"`` and ``"all"`` mean ``"principal"``. Complex weights have
            magnitudes only.
        max_filters: Draw the lowest-numbered ones only; ``None`` for all.
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        ValueError: Unknown ``show`` or ``channels``.
    """
    check_choice("show", show, get_args(Show))
    reductions.check(channels)
    return draw(
        KIND if show == "difference" else _OF_WEIGHTS,
        history,
        Options(channels, max_filters),
        Frame(figure, title, colorbar),
    )


class EvolutionPicture:
    """The picture of :func:`plot_evolution`, which grows by a row with each snapshot."""

    def __init__(
        self,
        bank: FilterBank,
        reference: FilterBank,
        channels: str = "auto",
        show: Show = "difference",
        figure: Target = None,
    ) -> None:
        self._reference, self._show = reference, show
        self._one_sided = reductions.is_one_sided(bank.weights, channels)
        self._channels = channels
        how = "root of sum of squares" if self._one_sided else _HOW.get(channels, "along principal direction")
        self._how = how if bank.channels > 1 else ""
        self.sheet = Sheet(figure, "evolution")
        area, self._write_foot = self.sheet.footnote(self.sheet.body)
        area, bar = ColourBar.beside(self.sheet, area)
        self._bar = value_bar(self.sheet, bar, self._one_sided, "difference" if show == "difference" else "weight")
        self._tiles = HeatTiles(self.sheet, area, bank.indices)

    def update(
        self,
        bank: FilterBank,
        rows: Sequence[Array],
        times: Times,
        moment: str | None = None,
        reference: FilterBank | None = None,
    ) -> None:
        """Redraw, as :meth:`Kind.update` does; rows are those of :func:`~filterscope.filters.channels.tap_row`."""
        self._reference = reference or self._reference
        whole, bank = bank, bank.head(len(rows[0]))
        marks = captions.Marks(whole, bank.filters)
        tiles, epochs = reductions.tap_rows(rows, bank.weights, self._channels), times.values
        limit = shared_limit(tiles, quantile=0.9, times=4)
        limits = np.full(bank.filters, limit)
        laid = mosaic.lay_epochs(mosaic.shrink(tiles, self._tiles.width, -1), epochs, self._tiles.height)
        rotation = metrics.rotation(bank.weights, self._reference.weights)
        self._tiles.set_words([marks.word(i) for i in range(bank.filters)])
        nothing_dead = copy(marks)
        nothing_dead.dead = np.zeros(bank.filters, bool)  # A filter's way to its death is worth seeing.
        self._tiles.update(laid, limits, rotation_colours(rotation, bank.filters), nothing_dead, self._one_sided)
        set_limit(self._bar, limit, self._one_sided)
        what = f"difference from {captions.moment(self._reference) or 'reference'}"
        self._write_foot(
            captions.joined(
                f"{times.unit}s {epochs[0]} to {epochs[-1]} ↓",
                captions.taps(bank),
                what if self._show == "difference" else "weight",
                self._how,
                captions.clipped(is_clipped(tiles, limits), "dark corner"),
                "frame: rotation",
            )
        )
        when = captions.moment(bank) if moment is None else moment
        self.sheet.set_title(bank.layer, captions.joined(captions.shape(bank), marks.summary(), when))


def _kind(show: Show) -> Kind:
    def make(bank: FilterBank, reference: FilterBank | None, options: Options, figure: Target) -> Picture:
        return EvolutionPicture(bank, reference or bank, options.channels, show, figure)

    def row(moment: Comparison, options: Options) -> Array:
        learned = show == "difference"
        shown = metrics.difference(moment.weights, moment.reference) if learned else moment.weights
        return reductions.tap_row(shown, moment.reference, options.channels, moment.before)

    return Kind(
        "evolution",
        "What was learned: weight minus initial weight, epochs down by taps, a tile per filter; of channels, one sum.",
        make,
        row,
        taps=2,
    )


KIND, _OF_WEIGHTS = _kind("difference"), _kind("weights")
