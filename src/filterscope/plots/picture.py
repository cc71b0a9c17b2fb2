"""What a picture says of itself, so that nothing else has to know it by its name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.history import FilterHistory, require_history
from filterscope.filters.spectrum import SHORTEST
from filterscope.filters.words import Frequency, Scale
from filterscope.plots.drawing import captions
from filterscope.plots.drawing.canvas import AnyFigure, Frame, Sheet, Target


@dataclass(frozen=True)
class Options:
    """How pictures are drawn; as the arguments of these names in ``plot_*``.

    Attributes:
        in_order: Whether the rows of the response are in the order of the bank, and not of their peaks.
    """

    channels: str = "auto"
    max_filters: int | None = 64
    sample_rate: float | None = None
    frequency: Frequency = "linear"
    scale: Scale = "layer"
    in_order: bool = False


@dataclass(frozen=True)
class Comparison:
    """A layer's monitored filters at one moment, and at the reference, and their norms: ``(filters,)``.

    ``transposed`` tells whether the convolution is, ``before`` what the picture's own row was at the moment before, if
    there was one.
    """

    weights: Array
    reference: Array
    sizes: Array
    reference_sizes: Array
    transposed: bool
    before: Array | None = None


@dataclass(frozen=True)
class Times:
    """The time of each snapshot, not decreasing, ``(E,)``, in a unit, ``"epoch"`` or ``"step"``."""

    values: Array
    unit: str = "epoch"


class Picture(Protocol):
    """A sheet that can be redrawn for other moments and layers, by a method ``update``: see :meth:`Kind.update`."""

    sheet: Sheet


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    Attributes:
        name: The last segment of its tag, and the name of its module.
        meaning: What the card means, in Markdown.
        make: Makes one, from the monitored filters and those of the reference.
        row: What the picture needs of every snapshot, if it shows the whole history; ``None`` if it shows one moment.
        taps: Kernel length below which there is nothing to see.
        frequencies: Whether it shows frequencies: those of short kernels say little, and taps that may not be samples
            in time have none.
    """

    name: str
    meaning: str
    make: Callable[[FilterBank, FilterBank | None, Options, Target], Picture]
    row: Callable[[Comparison, Options], Array] | None = None
    taps: int = 1
    frequencies: bool = False

    def suits(self, taps: int, snapshots: int, in_time: bool = True) -> bool:
        """Whether it says something of a layer with so many taps, of which there are so many snapshots."""
        long_enough = taps >= (SHORTEST if self.frequencies else self.taps)
        return long_enough and (self.row is None or snapshots > 1) and (in_time or not self.frequencies)

    def layout(self, bank: FilterBank) -> Hashable:
        """What layers have in common whose monitored filters can be drawn on one sheet, one after another."""
        axis = (bank.stride, bank.dilation, bank.transposed, bank.sample_rate) if self.frequencies else ()
        return (self.name, bank.weights.shape, bank.weights.dtype, bank.channel_names, *axis)

    def update(
        self,
        picture: Any,
        bank: FilterBank,
        rows: Sequence[Array],
        times: Times,
        moment: str | None = None,
        reference: FilterBank | None = None,
    ) -> None:
        """Redraw.

        Args:
            picture: Of this kind, and of this layout.
            bank: The newest snapshot, all filters.
            rows: What :attr:`row` gave of each snapshot; of no use to a picture of one moment.
            times: Of the rows.
            moment: When the newest snapshot was taken, for the title. Default: from its epoch.
            reference: Its monitored filters. Default: those that were drawn before.
        """
        if self.row is None:
            picture.update(bank, moment, reference=reference)
        else:
            picture.update(bank, rows, times, moment, reference)


def draw(
    kind: Kind, history: FilterHistory, options: Options, figure: AnyFigure | Frame[AnyFigure] | None = None
) -> AnyFigure:
    """Draw a picture of a history, at its last snapshot.

    Raises:
        TypeError: Not a history.
    """
    require_history(history)
    frame = figure if isinstance(figure, Frame) else Frame(figure)
    last, reference = (each.head(options.max_filters) for each in (history[-1], history.reference))
    picture = kind.make(last, reference, options, frame)
    rows, times = rows_of(kind, history, options), times_of(history)
    kind.update(picture, history[-1], rows, times, captions.moment(history[-1], history.by_step))
    return frame.filled(picture.sheet)


def rows_of(kind: Kind, history: FilterHistory, options: Options) -> list[Array]:
    """What a picture needs of every snapshot; nothing if it shows one moment."""
    rows: list[Array] = []
    if kind.row is None:
        return rows
    reference = history.reference.head(options.max_filters)
    sizes = metrics.norms(reference.weights)
    for weights in (each.head(options.max_filters).weights for each in history):
        before = rows[-1] if rows else None
        now = metrics.norms(weights)
        moment = Comparison(weights, reference.weights, now, sizes, reference.transposed, before)
        rows.append(kind.row(moment, options))
    return rows


def times_of(history: FilterHistory) -> Times:
    """The axis of time of a history."""
    return Times(history.steps, "step") if history.by_step else Times(history.epochs)
