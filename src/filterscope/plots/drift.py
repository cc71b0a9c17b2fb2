"""The ``drift`` picture: rotation of every filter over the epochs (runs only)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.history import FilterHistory
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar, rotation_bar
from filterscope.plots.drawing.canvas import AnyFigure, Frame, Sheet, Target
from filterscope.plots.drawing.colours import DEAD_FACE, ROTATION_CMAP, rotation_share
from filterscope.plots.drawing.scales import index_ticks, number_rows
from filterscope.plots.drawing.times import TimeAxis
from filterscope.plots.picture import Comparison, Kind, Options, Times, draw


def plot_drift(
    history: FilterHistory,
    *,
    max_filters: int | None = None,
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw every filter's rotation from its reference: filters by epochs, in the colours of ``plot_taps``.

    Args:
        history: Snapshots of one layer.
        max_filters: Draw the lowest-numbered ones only; ``None`` for all.
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on. A zero filter, whose rotation is undefined, is grey; one with NaN or Inf is amber.

    Raises:
        TypeError: Not a history.
    """
    return draw(KIND, history, Options(max_filters=max_filters), Frame(figure, title, colorbar))


class DriftPicture:
    """The picture of :func:`plot_drift`, which grows by a column with each snapshot."""

    def __init__(self, bank: FilterBank, reference: FilterBank, figure: Target = None) -> None:
        self._reference = reference
        self.sheet = sheet = Sheet(figure, "drift")
        area, bar = ColourBar.beside(sheet, sheet.body)
        rotation_bar(sheet, bar)
        box = area.shrink(left=sheet.px(46), top=sheet.px(4), right=sheet.px(10), bottom=sheet.px(36))
        box = box.snapped()
        self._axes = axes = sheet.axes(box)
        self._size = int(box.height), int(box.width)
        axes.span(y=(bank.filters - 0.5, -0.5))
        self._image = mosaic.PixelImage.in_axes(axes)
        self._times = TimeAxis(sheet, box)
        rows = index_ticks(bank.filters)
        number_rows(sheet, box, (np.array(rows) + 0.5) / bank.filters, bank.indices[rows].tolist(), "filter")
        sheet.moving.append(self._image)

    def update(
        self,
        bank: FilterBank,
        rows: Sequence[Array],
        times: Times,
        moment: str | None = None,
        reference: FilterBank | None = None,
    ) -> None:
        """Redraw, as :meth:`Kind.update` does; rows are rotations, ``(filters,)`` of each snapshot."""
        self._reference = reference or self._reference
        height, width = self._size
        epochs = times.values
        rotation = np.stack(rows)
        share = rotation_share(mosaic.shrink(rotation, height, -1))
        laid = mosaic.lay_epochs(share, epochs, width).T
        pixels = mosaic.heat(laid, height, width, 1.0, ROTATION_CMAP, one_sided=True, undefined=DEAD_FACE)
        self._image.set_pixels(pixels)
        extent = self._times.update(epochs, times.unit)
        self._axes.span(x=extent)
        self._image.place.intervalx = extent
        whole, bank = bank, bank.head(rotation.shape[1])
        summary = captions.Marks(whole, bank.filters).summary()
        when = captions.moment(bank) if moment is None else moment
        since = captions.since(self._reference)
        self.sheet.set_title(bank.layer, captions.joined(captions.shape(bank), summary, since, when))


def _row(moment: Comparison, options: Options) -> Array:
    """Rotations; infinity, which is drawn amber, where a filter has NaN or infinite weights."""
    turned = metrics.rotation(moment.weights, moment.reference, moment.sizes, moment.reference_sizes)
    return np.where(np.isfinite(moment.sizes), turned, np.inf).astype(np.float32)


KIND = Kind(
    "drift",
    "Rotation of every filter from its initial one, over the epochs.",
    lambda bank, reference, _, figure: DriftPicture(bank, reference or bank, figure),
    _row,
)
