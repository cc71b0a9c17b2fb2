"""The axis of time of pictures of a whole history: linear in epochs or steps, across or downwards."""

from __future__ import annotations

from filterscope.filters.arrays import Array
from filterscope.plots.drawing import mosaic
from filterscope.plots.drawing.canvas import Box, Sheet
from filterscope.plots.drawing.colours import INK
from filterscope.plots.drawing.scales import index_ticks, name_below, name_left, tick_intervals

_MOST_LABELS = 9


class TimeAxis:
    """Numbers beside a box whose pixels are times, as :func:`mosaic.lay_epochs` lays them.

    Texts, not an axis of matplotlib's: that costs several times as much at each redrawing. Times run across, or
    ``down``, with their numbers at the left.
    """

    def __init__(self, sheet: Sheet, box: Box, down: bool = False) -> None:
        self._sheet, self._box, self._down = sheet, box, down
        self._unit = name_left(sheet, box, "", 37) if down else name_below(sheet, box, "")
        place = {"ha": "right", "va": "center"} if down else {"ha": "center"}
        self._labels = [sheet.write(0, 0, "", color=INK, **place) for _ in range(_MOST_LABELS)]
        sheet.moving += [self._unit, *self._labels]

    def update(self, times: Array, unit: str) -> tuple[float, float]:
        """Number the times of snapshots, not decreasing; the first and the last time that the box holds."""
        first, last, gap = int(times[0]), int(times[-1]), mosaic.usual_gap(times)
        self._unit.set_text(unit)
        whole = self._box.height if self._down else self._box.width
        span = whole * (last - first) / (last - first + gap)  # between the first label and the last
        if self._down:
            most = min(int(span / self._sheet.px(18)), _MOST_LABELS - 1)
        else:
            most = tick_intervals(self._sheet, span, len(str(last)), _MOST_LABELS - 1)
        step = index_ticks(last - first + 1, max(most, 2))[1:2] or [last - first + 1]
        shown = range(-(-first // step[0]) * step[0], last + 1, step[0])
        for artist in self._labels:
            artist.set_text("")
        for artist, time in zip(self._labels, shown, strict=False):
            along = (time - first + gap / 2) / (last - first + gap) * whole
            artist.set_position(
                (self._box.left - self._sheet.px(6), self._box.top + along)
                if self._down
                else (self._box.left + along, self._box.top + self._box.height + self._sheet.px(16))
            )
            artist.set_text(str(time))
        return first - gap / 2, last + gap / 2
